// node-nut, the client of home automation on Node.js: HOST PORT.
'use strict';
const assert = require('assert');
const Nut = require('node-nut');

const nut = new Nut(Number(process.argv[3]), process.argv[2]);
const ask = (name, ...words) => new Promise((resolve, reject) => {
  nut[name](...words, (value, error) => (error ? reject(new Error(error)) : resolve(value)));
});
// These call back with the error alone, and after a failure once more without it.
const act = (name, ...words) => new Promise((resolve, reject) => {
  nut[name](...words, (error) => (error ? reject(new Error(error)) : resolve()));
});

async function main() {
  assert.deepStrictEqual(Object.keys(await ask('GetUPSList')), ['lab', 'plain', 'tls']);
  assert.strictEqual((await ask('GetUPSVars', 'lab'))['ups.status'], 'OL CHRG');
  assert((await ask('GetUPSCommands', 'lab')).includes('load.off'));
  assert('ups.load' in (await ask('GetRWVars', 'lab')));
  assert(await ask('GetVarType', 'lab', 'ups.load'));
  assert(await ask('GetVarDescription', 'lab', 'ups.load'));
  assert(await ask('GetCommandDescription', 'lab', 'load.off'));
  await assert.rejects(ask('GetUPSVars', 'nosuch'), /UNKNOWN-UPS/);
  await assert.rejects(act('RunUPSCommand', 'lab', 'load.off'), /USERNAME-REQUIRED/);
  await act('SetUsername', 'admin');
  await act('SetPassword', 'secret');
  await act('SetRWVar', 'lab', 'ups.delay.shutdown', '57');
  await act('RunUPSCommand', 'lab', 'load.off');
  nut.close();
}

nut.on('ready', () => main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
}));
nut.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
nut.start();
