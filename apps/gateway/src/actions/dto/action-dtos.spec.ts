import { inspect } from 'node:util';

import { ValidationFailedError } from '@app/problems';

import { validateAs } from '../../http/validation.js';
import { CopyDto, toCopyRequest } from './copy.dto.js';
import { RestoreDto, toRestoreRequest } from './restore.dto.js';
import { SaveDto, toSaveRequest } from './save.dto.js';
import { SendDto, toSendRequest } from './send.dto.js';

function faultsOf(dto: new () => object, plain: object): string[] {
  try {
    validateAs(dto, plain);
    return [];
  } catch (error) {
    if (error instanceof ValidationFailedError) {
      return error.errors.map(({ field }) => field);
    }
    throw error;
  }
}

const user = { user: 'bob@contoso.example' };
const mail = { to: 'bob@contoso.example', subject: 'Your files', text: 'Attached.' };

describe('The restore body', () => {
  it('has safe defaults', () => {
    expect(toRestoreRequest(validateAs(RestoreDto, {}))).toEqual({
      action: 'restore',
      documentVersion: 'last',
      documentAction: 'keep',
      credentialProfile: undefined,
      userCode: undefined,
      reason: undefined,
    });
  });

  it('takes everything it knows', () => {
    const body = { documentVersion: 'all', documentAction: 'overwrite', credentialProfile: 'contoso-2', reason: 'x' };
    expect(toRestoreRequest(validateAs(RestoreDto, body))).toEqual({ action: 'restore', ...body, userCode: undefined });
  });

  it('turns the device code into a secret', () => {
    const dto = validateAs(RestoreDto, { userCode: 'C6A9DB737' });
    const request = toRestoreRequest(dto);
    expect(request.userCode?.expose()).toBe('C6A9DB737');
    for (const printed of [inspect(dto), JSON.stringify(dto), inspect(request), JSON.stringify(request)]) {
      expect(printed).not.toContain('C6A9DB737');
      expect(printed).toContain('[redacted]');
    }
  });

  it.each([
    [{ documentVersion: 'Last' }, ['documentVersion']],
    [{ documentVersion: null }, ['documentVersion']],
    [{ documentAction: ['keep'] }, ['documentAction']],
    [{ credentialProfile: '../x' }, ['credentialProfile']],
    [{ credentialProfile: 'A' }, ['credentialProfile']],
    [{ userCode: '' }, ['userCode']],
    [{ userCode: 'C6A9 DB737' }, ['userCode']],
    [{ userCode: 'x'.repeat(65) }, ['userCode']],
    [{ userCode: 123456 }, ['userCode']],
    [{ userCode: { expose: 1 } }, ['userCode']],
    [{ userCode: 'C6A9DB737', credentialProfile: 'contoso' }, ['userCode']],
    [{ reason: 'a\nb' }, ['reason']],
    [{ action: 'copy', asZip: true }, ['action', 'asZip']],
  ])('refuses %j', (body, fields) => {
    expect(faultsOf(RestoreDto, body)).toEqual(fields);
  });
});

describe('The copy body', () => {
  it('has safe defaults', () => {
    expect(toCopyRequest(validateAs(CopyDto, { target: user }))).toEqual({
      action: 'copy',
      target: user,
      folder: undefined,
      documentVersion: 'last',
      documentLastVersionAction: 'merge',
      changedItems: false,
      deletedItems: false,
      restorePermissions: false,
      sendSharedLinksNotification: false,
      credentialProfile: undefined,
      userCode: undefined,
      reason: undefined,
    });
  });

  it('takes everything it knows', () => {
    const body = {
      target: { oneDriveId: '724011c3-a540-4684-b24f-3e2ab4ef6380df26ea7d-6468-4846-bdf5-4e88d871ed11' },
      folder: 'Restored/2024 Q1',
      documentVersion: 'all',
      documentLastVersionAction: 'overwrite',
      changedItems: true,
      deletedItems: true,
      restorePermissions: true,
      sendSharedLinksNotification: true,
      credentialProfile: 'contoso',
      reason: 'leaver',
    };
    expect(toCopyRequest(validateAs(CopyDto, body))).toEqual({ action: 'copy', ...body, userCode: undefined });
  });

  it.each([
    ['no target', {}, ['target']],
    ['a target that is null', { target: null }, ['target']],
    ['a target that is a string', { target: 'bob@contoso.example' }, ['target']],
    ['an empty target', { target: {} }, ['target']],
    ['both targets', { target: { ...user, oneDriveId: 'x' } }, ['target']],
    ['an unknown member of the target', { target: { ...user, url: 'x' } }, ['target.url']],
    ['a bad id', { target: { oneDriveId: '../x' } }, ['target.oneDriveId']],
    ['an id that is no string', { target: { oneDriveId: { a: 1 } } }, ['target.oneDriveId']],
    ['a user that is no address', { target: { user: 'bob' } }, ['target.user']],
    ['two ways to log in', { target: user, userCode: 'C6A9DB737', credentialProfile: 'contoso' }, ['userCode']],
    ['a boolean in quotes', { target: user, changedItems: 'true' }, ['changedItems']],
    ['an unknown member', { target: user, oneDrive: {} }, ['oneDrive']],
  ])('refuses %s', (_, body, fields) => {
    expect(faultsOf(CopyDto, body)).toEqual(fields);
  });

  it.each([[[user]], [[]], [[[user]]]])('refuses the list %j for a target', (target) => {
    expect(faultsOf(CopyDto, { target })).toContain('target');
  });

  it.each(['a', 'a/b c/d.txt', 'Über uns/#1 100%', 'x'.repeat(400), '.hidden', 'a..b'])(
    'takes the folder %j',
    (folder) => {
      expect(faultsOf(CopyDto, { target: user, folder })).toEqual([]);
    },
  );

  it.each([
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '..',
    '../a',
    'a/../b',
    'a/.. /b',
    'a/ ../b',
    './a',
    'a/.',
    'a.',
    ' a',
    'a ',
    'a\\b',
    'c:',
    'a*',
    'a?',
    'a"b',
    'a<b',
    'a>b',
    'a|b',
    'a\u0000',
    'a\nb',
    'a\u2028b',
    'x'.repeat(401),
    null,
    1,
    ['a'],
  ])('refuses the folder %j', (folder) => {
    expect(faultsOf(CopyDto, { target: user, folder })).toEqual(['folder']);
  });
});

describe('The send body', () => {
  it('needs recipient, subject and text', () => {
    expect(toSendRequest(validateAs(SendDto, mail))).toEqual({
      action: 'send',
      ...mail,
      from: undefined,
      reason: undefined,
    });
    expect(faultsOf(SendDto, {})).toEqual(['to', 'subject', 'text']);
  });

  it('may name a sender', () => {
    expect(toSendRequest(validateAs(SendDto, { ...mail, from: 'it@contoso.example' })).from).toBe('it@contoso.example');
  });

  it.each([
    [{ to: 'a@b.example,c@d.example' }, ['to']],
    [{ to: ['a@b.example'] }, ['to']],
    [{ to: 'a@b.example\r\nBcc: c@d.example' }, ['to']],
    [{ from: 'a@b.example\r\nBcc: c@d.example' }, ['from']],
    [{ subject: 'x\r\nBcc: c@d.example' }, ['subject']],
    [{ subject: '' }, ['subject']],
    [{ text: 'x\u0000' }, ['text']],
    [{ text: null }, ['text']],
    [{ userCode: 'C6A9DB737' }, ['userCode']],
    [{ cc: 'a@b.example' }, ['cc']],
  ])('refuses %j', (change, fields) => {
    expect(faultsOf(SendDto, { ...mail, ...change })).toEqual(fields);
  });
});

describe('The save body', () => {
  it('asks for a ZIP unless told otherwise', () => {
    expect(toSaveRequest(validateAs(SaveDto, {}))).toEqual({ action: 'save', asZip: true, reason: undefined });
    expect(toSaveRequest(validateAs(SaveDto, { asZip: false, reason: 'x' }))).toEqual({
      action: 'save',
      asZip: false,
      reason: 'x',
    });
  });

  it.each([
    [{ asZip: 'false' }, ['asZip']],
    [{ asZip: 0 }, ['asZip']],
    [{ userCode: 'C6A9DB737' }, ['userCode']],
    [{ save: null }, ['save']],
  ])('refuses %j', (body, fields) => {
    expect(faultsOf(SaveDto, body)).toEqual(fields);
  });
});
