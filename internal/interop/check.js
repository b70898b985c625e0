// What the scripts share: the way to the emulator, and steps that print a line each and end the script at the first fault.
'use strict';

const assert = require('node:assert/strict');
const https = require('node:https');
const { URL } = require('node:url');

const stepTimeout = 20_000;

// environment returns what the emulator printed.
function environment(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}

// The SDKs take a host name as it stands and look it up, port included, so they reach port 443 only. The agent of the
// process connects to the emulator's port instead. The certificate is still verified, for the address that is connected to.
const base = new URL(environment('DPS_BASE_URL'));
https.globalAgent = new https.Agent({ host: base.hostname, port: base.port, rejectUnauthorized: true });

// step runs one step and prints how it ended.
async function step(name, action) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${stepTimeout} ms`)), stepTimeout);
  });
  try {
    const note = await Promise.race([action(), late]);
    console.log(`  ok    ${name}${note ? `: ${note}` : ''}`);
  } catch (error) {
    console.log(`  FAIL  ${name}`);
    console.error(error);
    if (error.response) {
      console.error(`the answer was ${error.response.statusCode}: ${error.responseBody}`);
    }
    process.exit(1);
  } finally {
    clearTimeout(timer);
  }
}

// fails checks that a call fails with an error of the SDK's class of that name, and with that HTTP status.
async function fails(promise, className, status) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.constructor.name, className, error.stack);
    if (status !== undefined) {
      assert.equal(error.response.statusCode, status);
    }
    return true;
  });
}

// body is what an answer of the SDKs holds.
const body = async (promise) => (await promise).responseBody;

// bulk runs a bulk operation. Without a callback the SDK's promise never settles.
function bulk(client, mode, enrollments) {
  return new Promise((resolve, reject) => {
    client.runBulkEnrollmentOperation({ mode, enrollments }, (error, result) => (error ? reject(error) : resolve(result)));
  });
}

// pages reads a query page by page. Without a token, the promise form of next fetches the first page again.
async function pages(query) {
  const list = [];
  let token;
  do {
    list.push(await body(query.next(token)));
    token = query.continuationToken;
    assert.ok(list.length < 1000, 'the query does not end');
  } while (query.hasMoreResults);
  return list;
}

module.exports = { assert, body, bulk, environment, fails, pages, step };
