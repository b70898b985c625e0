"""The official service SDK for Python against the emulator: every operation that it has."""

import os
import sys
import time
import traceback

from azure.core.credentials import AccessToken, AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.iot.deviceprovisioning import DeviceProvisioningClient, generate_sas_token

CONNECTION_STRING = os.environ["DPS_CONNECTION_STRING"]
PARTS = dict(part.split("=", 1) for part in CONNECTION_STRING.split(";"))
ALL = {"query": "SELECT *"}
client = DeviceProvisioningClient.from_connection_string(CONNECTION_STRING, retry_total=0)

with open(os.path.join(os.environ["CERTIFICATES"], "device.pem"), encoding="ascii") as file:
    CERTIFICATE = file.read()


def step(text):
    """Runs the function at once, prints how it ended, and ends the script if it failed."""

    def run(function):
        try:
            function()
        except Exception:  # whatever it is, the step failed
            print(f"  FAIL  {text}", flush=True)
            traceback.print_exc()
            sys.exit(1)
        print(f"  ok    {text}", flush=True)

    return run


def equal(got, want):
    assert got == want, f"got {got!r}, want {want!r}"


def fails(kind, status, code, function, *args, **kwargs):
    """Checks that a call fails with this kind of error, HTTP status and code in the body."""
    try:
        function(*args, **kwargs)
    except HttpResponseError as error:
        assert type(error) is kind, f"{type(error)}: {error}"
        equal(error.status_code, status)
        if code:
            equal(error.response.json()["errorCode"], code)
        return
    raise AssertionError("the call did not fail")


def symmetric(registration_id, **members):
    return {"registrationId": registration_id, "attestation": {"type": "symmetricKey"}, **members}


@step("create an individual enrollment, get it and read its keys")
def _():
    sent = symmetric(
        "py:symmetric-1",
        capabilities=None,
        reprovisionPolicy=None,
        iotHubs=None,
        provisioningStatus=None,
        allocationPolicy="geoLatency",
        initialTwin={"properties": {"desired": {"key": "value"}}},
        optionalDeviceInformation={"additionalProperties": {"hello": "world"}},
    )
    created = client.enrollment.create_or_update("py:symmetric-1", sent)
    equal(
        list(created),
        ["registrationId", "optionalDeviceInformation", "attestation", "initialTwin", "etag", "provisioningStatus",
         "createdDateTimeUtc", "lastUpdatedDateTimeUtc", "allocationPolicy"],
    )
    equal(created["provisioningStatus"], None)
    equal(created["optionalDeviceInformation"], sent["optionalDeviceInformation"])
    got = client.enrollment.get("py:symmetric-1")
    equal(got["attestation"], {"type": "symmetricKey"})
    equal(got["registrationState"], {"registrationId": "py:symmetric-1", "status": "unassigned"})
    equal(client.enrollment.get_attestation_mechanism("py:symmetric-1"), created["attestation"])
    fails(ResourceExistsError, 409, 409201, client.enrollment.create_or_update, "py:symmetric-1", sent)


@step("update it under match conditions: its etag, *, an old and a malformed one")
def _():
    first = client.enrollment.create_or_update(
        "py-update", symmetric("py-update", attestation={
            "type": "symmetricKey", "symmetricKey": {"primaryKey": "MDEyMzQ1Njc4OWFiY2RlZg==", "secondaryKey": ""}}))
    equal(first["attestation"]["symmetricKey"]["primaryKey"], "MDEyMzQ1Njc4OWFiY2RlZg==")
    equal(len(first["attestation"]["symmetricKey"]["secondaryKey"]), 88)
    second = client.enrollment.create_or_update(
        "py-update", {**first, "provisioningStatus": "disabled"}, if_match=first["etag"])
    equal(second["provisioningStatus"], "disabled")
    equal(second["createdDateTimeUtc"], first["createdDateTimeUtc"])
    third = client.enrollment.create_or_update("py-update", second, if_match="*")
    assert third["etag"] != second["etag"]
    fails(HttpResponseError, 412, None, client.enrollment.create_or_update, "py-update", third, if_match=second["etag"])
    fails(HttpResponseError, 400, None, client.enrollment.create_or_update, "py-update", third, if_match="bad")
    fails(HttpResponseError, 412, None, client.enrollment.delete, "py-update", if_match=second["etag"])
    client.enrollment.delete("py-update", if_match=third["etag"])
    fails(ResourceNotFoundError, 404, 404201, client.enrollment.get, "py-update")
    client.enrollment.delete("py:symmetric-1", if_match="*")


@step("create enrollments with a certificate and with a TPM")
def _():
    certificates = {"primary": {"certificate": CERTIFICATE}, "secondary": {"certificate": CERTIFICATE}}
    created = client.enrollment.create_or_update("py-x509", {
        "registrationId": "py-x509", "attestation": {"type": "x509", "x509": {"clientCertificates": certificates}}})
    shown = created["attestation"]["x509"]["clientCertificates"]
    equal(list(shown["primary"]), ["info"])
    equal(list(shown["primary"]["info"]), [
        "subjectName", "sha1Thumbprint", "sha256Thumbprint", "issuerName", "notBeforeUtc", "notAfterUtc",
        "serialNumber", "version"])
    equal(shown["secondary"], shown["primary"])
    equal(client.enrollment.get_attestation_mechanism("py-x509"), created["attestation"])
    attestation = {"type": "tpm", "tpm": {"endorsementKey": "AToAAQALAAMAsgAgg3GXZ0SEs"}}
    tpm = client.enrollment.create_or_update("py-tpm", {"registrationId": "py-tpm", "attestation": attestation})
    equal(tpm["attestation"], attestation)
    equal(client.enrollment.get("py-tpm")["attestation"], attestation)
    equal(client.enrollment.get_attestation_mechanism("py-tpm"), attestation)
    client.enrollment.delete("py-x509")
    client.enrollment.delete("py-tpm")


@step("create groups with keys, a signing certificate and a CA reference")
def _():
    keys = client.enrollment_group.create_or_update(
        "py-group", {"enrollmentGroupId": "py-group", "attestation": {"type": "symmetricKey"}})
    equal(client.enrollment_group.get_attestation_mechanism("py-group"), keys["attestation"])
    equal(client.enrollment_group.get("py-group")["attestation"], {"type": "symmetricKey"})
    signing = {"type": "x509", "x509": {"signingCertificates": {"primary": {"certificate": CERTIFICATE}}}}
    created = client.enrollment_group.create_or_update(
        "py-signing", {"enrollmentGroupId": "py-signing", "attestation": signing})
    references = {"type": "x509", "x509": {"caReferences": {"primary": "my-ca"}}}
    updated = client.enrollment_group.create_or_update(
        "py-signing", {**created, "attestation": references}, if_match=created["etag"])
    equal(updated["attestation"], references)
    fails(ResourceExistsError, 409, 409202, client.enrollment_group.create_or_update, "py-group", keys)
    fails(HttpResponseError, 412, None, client.enrollment_group.delete, "py-signing", if_match=created["etag"])


@step("query the registrations of a group, and one that is not there")
def _():
    equal(list(client.device_registration_state.query("py-group")), [])
    fails(ResourceNotFoundError, 404, None, client.device_registration_state.get, "py-nobody")
    fails(ResourceNotFoundError, 404, None, client.device_registration_state.delete, "py-nobody")


@step("query groups, then delete them in bulk")
def _():
    pages = [list(page) for page in client.enrollment_group.query(ALL, top=1).by_page()]
    equal([len(page) for page in pages], [1, 1])
    groups = [group for page in pages for group in page]
    equal(sorted(group["enrollmentGroupId"] for group in groups), ["py-group", "py-signing"])
    result = client.enrollment_group.run_bulk_operation({"enrollmentGroups": groups, "mode": "delete"})
    equal(result, {"errors": [], "isSuccessful": True})
    fails(ResourceNotFoundError, 404, 404202, client.enrollment_group.get, "py-group")


@step("create 150 enrollments in bulk")
def _():
    for start in range(0, 150, 10):
        items = [symmetric(f"py-bulk-{i}") for i in range(start, start + 10)]
        result = client.enrollment.run_bulk_operation({"enrollments": items, "mode": "create"})
        equal(result, {"errors": [], "isSuccessful": True})


@step("query them: pages of 100 and 50, of 50, and from the middle")
def _():
    pages = [list(page) for page in client.enrollment.query(ALL).by_page()]
    equal([len(page) for page in pages], [100, 50])
    pager = client.enrollment.query(ALL, top=50).by_page()
    first = list(next(pager))
    rest = [list(page) for page in client.enrollment.query(ALL, top=50).by_page(pager.continuation_token)]
    equal([len(page) for page in rest], [50, 50])
    equal(len({e["registrationId"] for page in [first, *rest] for e in page}), 150)
    equal(len(list(client.enrollment.query(ALL))), 150)


@step("update in bulk with and without etags, then delete in bulk")
def _():
    items = list(client.enrollment.query(ALL))
    bare = [symmetric(item["registrationId"]) for item in items[:2]]
    result = client.enrollment.run_bulk_operation({"enrollments": bare, "mode": "update"})
    equal(result["isSuccessful"], False)
    equal(result["errors"][0], {
        "registrationId": bare[0]["registrationId"], "errorCode": 409201, "errorStatus": "Enrollment already exists."})
    result = client.enrollment.run_bulk_operation({"enrollments": items[:10], "mode": "updateIfMatchETag"})
    equal(result, {"errors": [], "isSuccessful": True})
    result = client.enrollment.run_bulk_operation({"enrollments": items[:1], "mode": "updateIfMatchETag"})
    equal(result["isSuccessful"], False)
    too_many = {"enrollments": items[:11], "mode": "create"}
    fails(HttpResponseError, 400, None, client.enrollment.run_bulk_operation, too_many)
    for start in range(0, 150, 10):
        lot = [symmetric(item["registrationId"]) for item in items[start:start + 10]]
        result = client.enrollment.run_bulk_operation({"enrollments": lot, "mode": "delete"})
        equal(result, {"errors": [], "isSuccessful": True})
    equal(list(client.enrollment.query(ALL)), [])


class Bearer:
    """A token credential that has one token."""

    def get_token(self, *scopes, **_):
        equal(scopes, ("https://azure-devices-provisioning.net/.default",))
        return AccessToken(os.environ["DPS_BEARER_TOKEN"], int(time.time()) + 3600)


@step("use every kind of credential, and a wrong key")
def _():
    host, policy, key = PARTS["HostName"], PARTS["SharedAccessKeyName"], PARTS["SharedAccessKey"]
    for endpoint, credential in [
        (os.environ["DPS_BASE_URL"], Bearer()),
        (os.environ["DPS_BASE_URL"], AzureNamedKeyCredential(policy, key)),  # signs for the URL, scheme included
        (host, AzureSasCredential(generate_sas_token(host, policy, key))),
    ]:
        equal(list(DeviceProvisioningClient(endpoint, credential, retry_total=0).enrollment.query(ALL)), [])
    wrong = DeviceProvisioningClient(host, AzureNamedKeyCredential(policy, "d3Jvbmc="), retry_total=0)
    fails(ClientAuthenticationError, 401, 401002, wrong.enrollment.get, "py-nobody")
