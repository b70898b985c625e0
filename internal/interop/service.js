// The official service SDK for Node against the emulator: every operation that it has.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');
const { assert, body, bulk, environment, fails, pages, step } = require('./check.js');

const connectionString = environment('DPS_CONNECTION_STRING');
const host = /HostName=([^;]+)/.exec(connectionString)[1];
const certificate = fs.readFileSync(path.join(environment('CERTIFICATES'), 'device.pem'));
const client = ProvisioningServiceClient.fromConnectionString(connectionString);
const all = { query: 'SELECT *' };
const symmetricKey = (registrationId) => ({ registrationId, attestation: { type: 'symmetricKey' } });

async function individuals() {
  const id = 'node:Symmetric-1';
  const twin = { tags: { line: 1 }, properties: { desired: { seconds: 30, nested: { list: [1, 'two', null] } } } };
  let created;
  await step('create an individual enrollment', async () => {
    const answer = await client.createOrUpdateIndividualEnrollment({
      ...symmetricKey(id), deviceId: 'pump-1', initialTwin: twin, capabilities: { iotEdge: true },
      reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: false },
    });
    assert.equal(answer.httpResponse.statusCode, 200);
    created = answer.responseBody;
    assert.equal(created.registrationId, id);
    assert.equal(created.deviceId, 'pump-1');
    assert.deepEqual(created.initialTwin, twin);
    assert.deepEqual(created.capabilities, { iotEdge: true });
    assert.deepEqual(created.reprovisionPolicy, { updateHubAssignment: true, migrateDeviceData: false });
    assert.equal(created.provisioningStatus, 'enabled');
    assert.equal(Buffer.from(created.attestation.symmetricKey.primaryKey, 'base64').length, 64);
    assert.equal(created.createdDateTimeUtc, created.lastUpdatedDateTimeUtc);
    assert.equal(Buffer.from(created.etag, 'base64').toString().length, 38);
  });
  await step('create it again: 409', () => fails(
    client.createOrUpdateIndividualEnrollment(symmetricKey(id)), 'DeviceAlreadyExistsError', 409));
  await step('get it: no keys, registration unassigned', async () => {
    const got = await body(client.getIndividualEnrollment(id.toUpperCase()));
    assert.deepEqual(got.attestation, { type: 'symmetricKey' });
    assert.deepEqual(got.registrationState, { registrationId: id, status: 'unassigned' });
    assert.equal(got.etag, created.etag);
  });
  await step('read its attestation mechanism', async () => {
    const mechanism = await body(client.getIndividualEnrollmentAttestationMechanism(id));
    assert.deepEqual(mechanism, created.attestation);
  });
  let updated;
  await step('update it under its etag', async () => {
    updated = await body(client.createOrUpdateIndividualEnrollment({ ...created, provisioningStatus: 'disabled' }));
    assert.equal(updated.provisioningStatus, 'disabled');
    assert.notEqual(updated.etag, created.etag);
    assert.equal(updated.createdDateTimeUtc, created.createdDateTimeUtc);
    assert.deepEqual(updated.attestation, created.attestation);
  });
  await step('update it under the old etag: 412', () => fails(
    client.createOrUpdateIndividualEnrollment(created), 'InvalidEtagError', 412));
  await step('delete it under the old etag: 412', () => fails(
    client.deleteIndividualEnrollment(created), 'InvalidEtagError', 412));
  await step('delete it under a malformed etag: 400', () => fails(
    client.deleteIndividualEnrollment(id, 'badetag'), 'ArgumentError', 400));
  await step('delete it under its etag', () => client.deleteIndividualEnrollment(updated));
  await step('get what is not there: 404', () => fails(client.getIndividualEnrollment(id), 'Error', 404));
}

async function attestations() {
  await step('create an enrollment with a certificate', async () => {
    const created = await body(client.createOrUpdateIndividualEnrollment({
      registrationId: 'node-x509',
      attestation: { type: 'x509', x509: { clientCertificates: { primary: { certificate: certificate.toString('base64') } } } },
    }));
    const { primary, secondary } = created.attestation.x509.clientCertificates;
    assert.equal(primary.certificate, undefined);
    assert.equal(primary.info.subjectName, 'CN=device-x509');
    assert.match(primary.info.sha1Thumbprint, /^[0-9A-F]{40}$/);
    assert.equal(secondary, undefined);
  });
  await step('get it, change it and put it back: the certificate stays', async () => {
    const got = await body(client.getIndividualEnrollment('node-x509'));
    const updated = await body(client.createOrUpdateIndividualEnrollment({ ...got, deviceId: 'other' }));
    assert.equal(updated.deviceId, 'other');
    assert.deepEqual(updated.attestation, got.attestation);
    const mechanism = await body(client.getIndividualEnrollmentAttestationMechanism('node-x509'));
    assert.deepEqual(mechanism, got.attestation);
  });
  await step('create an enrollment with a TPM', async () => {
    const attestation = { type: 'tpm', tpm: { endorsementKey: 'a' } };
    const created = await body(client.createOrUpdateIndividualEnrollment({ registrationId: 'node-tpm', attestation }));
    assert.deepEqual(created.attestation, attestation);
    assert.deepEqual(await body(client.getIndividualEnrollmentAttestationMechanism('node-tpm')), attestation);
  });
  await step('create one without an attestation: 400', () => fails(
    client.createOrUpdateIndividualEnrollment({ registrationId: 'node-none' }), 'ArgumentError', 400));
  await step('delete both', async () => {
    await client.deleteIndividualEnrollment('node-x509');
    await client.deleteIndividualEnrollment('node-tpm');
  });
}

async function groups() {
  const id = 'node-group';
  let group;
  await step('create an enrollment group', async () => {
    group = await body(client.createOrUpdateEnrollmentGroup({
      enrollmentGroupId: id, attestation: { type: 'symmetricKey' }, allocationPolicy: 'static', iotHubs: [environment('HUB')],
    }));
    assert.equal(group.allocationPolicy, 'static');
    assert.deepEqual(group.iotHubs, [environment('HUB')]);
  });
  await step('read its attestation mechanism, by a path in lower case', async () => {
    assert.deepEqual(await body(client.getEnrollmentGroupAttestationMechanism(id)), group.attestation);
  });
  await step('get and update it', async () => {
    const got = await body(client.getEnrollmentGroup(id));
    assert.deepEqual(got.attestation, { type: 'symmetricKey' });
    assert.equal(got.registrationState, undefined);
    const updated = await body(client.createOrUpdateEnrollmentGroup({ ...group, initialTwin: { tags: { line: 2 } } }));
    assert.deepEqual(updated.initialTwin, { tags: { line: 2 } });
    assert.deepEqual(updated.attestation, group.attestation);
  });
  await step('create groups with a signing certificate and with a CA reference', async () => {
    const signing = { type: 'x509', x509: { signingCertificates: { primary: { certificate: certificate.toString() } } } };
    const created = await body(client.createOrUpdateEnrollmentGroup({ enrollmentGroupId: 'node-signing', attestation: signing }));
    assert.equal(created.attestation.x509.signingCertificates.primary.info.version, 3);
    const references = { type: 'x509', x509: { caReferences: { primary: 'my-ca' } } };
    const other = await body(client.createOrUpdateEnrollmentGroup({ enrollmentGroupId: 'node-ca', attestation: references }));
    assert.deepEqual(other.attestation, references);
  });
  await step('query groups, a page each', async () => {
    const list = await pages(client.createEnrollmentGroupQuery(all, 1));
    assert.deepEqual(list.map((page) => page.length), [1, 1, 1]);
    assert.deepEqual(list.flat().map((g) => g.enrollmentGroupId).sort(), ['node-ca', 'node-group', 'node-signing']);
  });
  await step('query the registrations of a group: none', async () => {
    assert.deepEqual(await pages(client.createEnrollmentGroupDeviceRegistrationStateQuery(all, id)), [[]]);
  });
  await step('get and delete a registration that is not there: 404', async () => {
    await fails(client.getDeviceRegistrationState('node-nobody'), 'Error', 404);
    await fails(client.deleteDeviceRegistrationState('node-nobody'), 'Error', 404);
  });
  await step('delete the groups', async () => {
    for (const name of [id, 'node-signing', 'node-ca']) {
      await client.deleteEnrollmentGroup(name);
    }
    await fails(client.getEnrollmentGroup(id), 'Error', 404);
  });
}

async function bulkAndQuery() {
  const items = Array.from({ length: 25 }, (_, i) => symmetricKey(`node-bulk-${i}`));
  const lots = [items.slice(0, 10), items.slice(10, 20), items.slice(20)];
  await step('create 25 enrollments in bulk', async () => {
    for (const lot of lots) {
      assert.deepEqual(await bulk(client, 'create', lot), { errors: [], isSuccessful: true });
    }
  });
  await step('create in bulk what is there: 200 with the failure', async () => {
    const result = await bulk(client, 'create', [items[0], symmetricKey('node-bulk-new')]);
    assert.deepEqual(result, {
      errors: [{ registrationId: 'node-bulk-0', errorCode: 409201, errorStatus: 'Enrollment already exists.' }],
      isSuccessful: false,
    });
    await client.deleteIndividualEnrollment('node-bulk-new');
  });
  await step('update in bulk under etags', async () => {
    const got = await Promise.all(lots[0].map((item) => body(client.getIndividualEnrollment(item.registrationId))));
    const changed = got.map((enrollment) => ({ ...enrollment, provisioningStatus: 'disabled' }));
    for (const [i, item] of changed.entries()) {
      item.attestation = await body(client.getIndividualEnrollmentAttestationMechanism(got[i].registrationId));
    }
    assert.deepEqual(await bulk(client, 'updateIfMatchETag', changed), { errors: [], isSuccessful: true });
    assert.equal((await bulk(client, 'updateIfMatchETag', changed)).errors.length, 10);
  });
  await step('more than ten in bulk, and one twice: 400', async () => {
    await fails(bulk(client, 'create', items.slice(0, 11)), 'ArgumentError', 400);
    await fails(bulk(client, 'create', [symmetricKey('node-twice'), symmetricKey('node-twice')]), 'ArgumentError', 400);
  });
  await step('query pages of ten', async () => {
    const list = await pages(client.createIndividualEnrollmentQuery(all, 10));
    assert.deepEqual(list.map((page) => page.length), [10, 10, 5]);
    const ids = list.flat().map((e) => e.registrationId);
    assert.equal(new Set(ids).size, 25);
    assert.deepEqual(list.flat()[0].attestation, { type: 'symmetricKey' });
    return `${list.length} pages`;
  });
  await step('query pages of ten by callbacks', async () => {
    const query = client.createIndividualEnrollmentQuery(all, 10);
    const next = () => new Promise((resolve, reject) => {
      query.next((error, page) => (error ? reject(error) : resolve(page)));
    });
    let found = 0;
    while (query.hasMoreResults) {
      found += (await next()).length;
    }
    assert.equal(found, 25);
  });
  await step('delete in bulk', async () => {
    for (const lot of lots) {
      assert.deepEqual(await bulk(client, 'delete', lot), { errors: [], isSuccessful: true });
    }
    assert.deepEqual(await pages(client.createIndividualEnrollmentQuery(all)), [[]]);
  });
}

async function credentials() {
  await step('use a bearer token', async () => {
    let scope;
    const bearer = ProvisioningServiceClient.fromTokenCredential(host, {
      getToken: async (asked) => {
        scope = asked;
        return { token: environment('DPS_BEARER_TOKEN'), expiresOnTimestamp: Date.now() + 3_600_000 };
      },
    });
    assert.deepEqual(await pages(bearer.createIndividualEnrollmentQuery(all)), [[]]);
    assert.equal(scope, 'https://azure-devices-provisioning.net/.default');
  });
  await step('use a wrong key: 401', () => fails(
    ProvisioningServiceClient.fromConnectionString(
      connectionString.replace(/SharedAccessKey=.*/, `SharedAccessKey=${Buffer.alloc(64).toString('base64')}`),
    ).getIndividualEnrollment('node-nobody'), 'UnauthorizedError', 401));
}

(async () => {
  await individuals();
  await attestations();
  await groups();
  await bulkAndQuery();
  await credentials();
})();
