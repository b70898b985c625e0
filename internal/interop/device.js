// The official device SDK for Node against the emulator: every way to register that it has, and what the service SDK shows
// of it. The SDK waits as long as the emulator tells it to, so devices register side by side.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Http } = require('azure-iot-provisioning-device-http');
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');
const { assert, body, environment, fails, pages, step } = require('./check.js');

const hub = environment('HUB');
const service = ProvisioningServiceClient.fromConnectionString(environment('DPS_CONNECTION_STRING'));
const read = (name) => fs.readFileSync(path.join(environment('CERTIFICATES'), name), 'utf8');

// register registers a device with the SDK.
function register(security, payload) {
  const endpoint = environment('DPS_DEVICE_ENDPOINT');
  const client = ProvisioningDeviceClient.create(endpoint, environment('DPS_ID_SCOPE'), new Http(), security);
  if (payload) {
    client.setProvisioningPayload(payload);
  }
  return client.register();
}

const byKey = (id, key, payload) => register(new SymmetricKeySecurityClient(id, key), payload);
const byCertificate = (id, name) => register(new X509Security(id, { cert: read(`${name}.pem`), key: read(`${name}.key`) }));

// derive makes the key of a device from that of its group.
const derive = (key, id) => crypto.createHmac('sha256', Buffer.from(key, 'base64')).update(id).digest('base64');

// assigned checks what a device was told, and that the service API tells the same.
async function assigned(promise, id, deviceId) {
  const state = await promise;
  assert.equal(state.status, 'assigned');
  assert.equal(state.substatus, 'initialAssignment');
  assert.equal(state.assignedHub, hub);
  assert.equal(state.registrationId, id);
  assert.equal(state.deviceId, deviceId);
  const shown = await body(service.getDeviceRegistrationState(id));
  for (const [member, value] of Object.entries(shown)) {
    assert.deepEqual(state[member], value, member);
  }
  assert.ok(shown.etag && shown.createdDateTimeUtc && shown.lastUpdatedDateTimeUtc);
  return state;
}

// FakeTpm stands in for a TPM. The emulator does not encrypt what it gives to one.
class FakeTpm {
  constructor(id, endorsementKey) {
    this.id = id;
    this.endorsementKey = endorsementKey;
    this.activated = [];
  }

  getEndorsementKey(callback) { callback(null, this.endorsementKey); }

  getStorageRootKey(callback) { callback(null, Buffer.from('storage root key')); }

  getRegistrationId(callback) { callback(null, this.id); }

  activateIdentityKey(key, callback) {
    this.activated.push(key);
    callback();
  }

  signWithIdentity(data, callback) {
    callback(null, crypto.createHmac('sha256', this.activated.at(-1)).update(data).digest());
  }
}

async function individuals() {
  const enrolled = await body(service.createOrUpdateIndividualEnrollment({
    registrationId: 'dev-key', deviceId: 'pump-1', attestation: { type: 'symmetricKey' }, optionalDeviceInformation: { a: 1 },
  }));
  const { primaryKey, secondaryKey } = enrolled.attestation.symmetricKey;
  await step('register by a symmetric key', () => assigned(byKey('dev-key', primaryKey), 'dev-key', 'pump-1').then(() => {}));
  await step('register again by the secondary key', async () => {
    const before = await body(service.getDeviceRegistrationState('dev-key'));
    const again = await byKey('dev-key', secondaryKey);
    assert.equal(again.status, 'assigned');
    assert.equal(again.assignedHub, hub);
    assert.equal(again.createdDateTimeUtc, before.createdDateTimeUtc);
    assert.notEqual(again.etag, before.etag);
  });
  await step('the enrollment shows the registration', async () => {
    const { registrationState } = await body(service.getIndividualEnrollment('dev-key'));
    assert.deepEqual(registrationState, await body(service.getDeviceRegistrationState('dev-key')));
  });
  await step('register by a wrong key, and a device that nobody enrolled: 401', async () => {
    const wrong = Buffer.alloc(32).toString('base64');
    await fails(byKey('dev-key', wrong), 'UnauthorizedError', 401);
    await fails(byKey('dev-nobody', wrong), 'UnauthorizedError', 401);
  });
  await step('register by a client certificate', async () => {
    await service.createOrUpdateIndividualEnrollment({
      registrationId: 'device-x509',
      attestation: { type: 'x509', x509: { clientCertificates: { primary: { certificate: read('device.pem') } } } },
    });
    const state = await assigned(byCertificate('device-x509', 'device'), 'device-x509', 'device-x509');
    assert.ok(state.x509);
    await fails(byCertificate('device-x509', 'group-device'), 'UnauthorizedError', 401);
  });
  await step('register by a TPM', async () => {
    const endorsementKey = Buffer.from('endorsement key');
    await service.createOrUpdateIndividualEnrollment({
      registrationId: 'dev-tpm', attestation: { type: 'tpm', tpm: { endorsementKey: endorsementKey.toString('base64') } },
    });
    const tpm = new FakeTpm('dev-tpm', endorsementKey);
    const { registrationState } = await register(tpm);
    assert.equal(registrationState.status, 'assigned');
    assert.equal(registrationState.deviceId, 'dev-tpm');
    assert.equal(tpm.activated.at(-1).toString('base64'), registrationState.tpm.authenticationKey);
  });
}

async function groups() {
  const group = await body(service.createOrUpdateEnrollmentGroup({
    enrollmentGroupId: 'dev-group', attestation: { type: 'symmetricKey' },
  }));
  const { primaryKey, secondaryKey } = group.attestation.symmetricKey;
  await step('register by derived keys of a group', async () => {
    const states = await Promise.all([
      assigned(byKey('member-1', derive(primaryKey, 'member-1')), 'member-1', 'member-1'),
      assigned(byKey('member-2', derive(secondaryKey, 'member-2')), 'member-2', 'member-2'),
      assigned(byKey('Member:3', derive(primaryKey, 'Member:3')), 'Member:3', 'Member:3'),
    ]);
    for (const state of states) {
      assert.equal(state.symmetricKey.enrollmentGroupId, 'dev-group');
    }
  });
  await step("register by the group's own key: 401", () => fails(byKey('member-4', primaryKey), 'UnauthorizedError', 401));
  await step('register by a chain to the signing certificate of a group', async () => {
    const signing = { type: 'x509', x509: { signingCertificates: { primary: { certificate: read('group.pem') } } } };
    await service.createOrUpdateEnrollmentGroup({ enrollmentGroupId: 'dev-chain', attestation: signing });
    const state = await assigned(
      byCertificate('group-device-x509', 'group-device'), 'group-device-x509', 'group-device-x509');
    assert.equal(state.x509.enrollmentGroupId, 'dev-chain');
  });
  await step('query the registrations of the group, two a page', async () => {
    const query = service.createEnrollmentGroupDeviceRegistrationStateQuery({ query: 'SELECT *' }, 'dev-group', 2);
    const list = await pages(query);
    assert.deepEqual(list.map((page) => page.length), [2, 1]);
    assert.deepEqual(list.flat().map((state) => state.registrationId).sort(), ['Member:3', 'member-1', 'member-2']);
  });
}

// withWebhook runs an action with the URL of a webhook, and returns the requests that the webhook got.
async function withWebhook(answer, action) {
  const requests = [];
  const server = http.createServer((request, response) => {
    let text = '';
    request.on('data', (part) => { text += part; });
    request.on('end', () => {
      requests.push({ method: request.method, url: request.url, body: JSON.parse(text) });
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  try {
    await action(`http://127.0.0.1:${server.address().port}/allocate?code=secret`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
  return requests;
}

async function customAllocation() {
  await step('let a webhook allocate, with payloads both ways', async () => {
    const requests = await withWebhook({ iotHubHostName: hub, payload: { welcome: true } }, async (webhookUrl) => {
      const { attestation } = await body(service.createOrUpdateIndividualEnrollment({
        registrationId: 'dev-custom', attestation: { type: 'symmetricKey' },
        allocationPolicy: 'custom', customAllocationDefinition: { webhookUrl, apiVersion: '2019-03-31' },
      }));
      const registered = byKey('dev-custom', attestation.symmetricKey.primaryKey, { model: 'x' });
      const state = await assigned(registered, 'dev-custom', 'dev-custom');
      assert.deepEqual(state.payload, { welcome: true });
    });
    assert.equal(requests.length, 1);
    const { method, url, body: asked } = requests[0];
    assert.deepEqual([method, url], ['POST', '/allocate?code=secret']);
    assert.equal(asked.individualEnrollment.registrationId, 'dev-custom');
    assert.deepEqual(asked.deviceRuntimeContext, { registrationId: 'dev-custom', symmetricKey: {}, payload: { model: 'x' } });
    assert.deepEqual(asked.linkedHubs, [hub]);
  });
}

async function endings() {
  await step('register under a disabled enrollment: the record says so', async () => {
    const { attestation } = await body(service.createOrUpdateIndividualEnrollment({
      registrationId: 'dev-disabled', attestation: { type: 'symmetricKey' }, provisioningStatus: 'disabled',
    }));
    await fails(byKey('dev-disabled', attestation.symmetricKey.primaryKey), 'SyntaxError'); // the SDK's for that status
    assert.equal((await body(service.getDeviceRegistrationState('dev-disabled'))).status, 'disabled');
  });
  await step('register for a hub that is not linked: the record says so', async () => {
    const { attestation } = await body(service.createOrUpdateIndividualEnrollment({
      registrationId: 'dev-hubless', attestation: { type: 'symmetricKey' },
      allocationPolicy: 'static', iotHubs: ['elsewhere.azure-devices.net'],
    }));
    await assert.rejects(byKey('dev-hubless', attestation.symmetricKey.primaryKey));
    assert.equal((await body(service.getDeviceRegistrationState('dev-hubless'))).status, 'failed');
  });
  await step('delete a registration under its etag', async () => {
    const state = await body(service.getDeviceRegistrationState('member-1'));
    await fails(service.deleteDeviceRegistrationState({ ...state, etag: Buffer.from('"x"').toString('base64') }), 'InvalidEtagError', 412);
    await service.deleteDeviceRegistrationState(state);
    await fails(service.getDeviceRegistrationState('member-1'), 'Error', 404);
  });
  await step('deleting a group keeps its registrations, deleting an individual enrollment does not', async () => {
    await service.deleteEnrollmentGroup('dev-group');
    assert.equal((await body(service.getDeviceRegistrationState('member-2'))).status, 'assigned');
    await service.deleteIndividualEnrollment('dev-key');
    await fails(service.getDeviceRegistrationState('dev-key'), 'Error', 404);
  });
  await step('delete the rest', async () => {
    for (const id of ['device-x509', 'dev-tpm', 'dev-custom', 'dev-disabled', 'dev-hubless']) {
      await service.deleteIndividualEnrollment(id);
    }
    await service.deleteEnrollmentGroup('dev-chain');
    for (const id of ['member-2', 'Member:3', 'group-device-x509']) {
      await service.deleteDeviceRegistrationState(id);
    }
  });
}

(async () => {
  await individuals();
  await groups();
  await customAllocation();
  await endings();
})();
