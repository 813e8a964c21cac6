/** Whose answers are looked at: by the names of the columns of the access matrix. */
const operators = ['oscar', 'helpdesk-app'];
/** Those without a restore session of their own: what they name belongs to somebody else. */
const withoutSession = ['mallory', 'audrey'];

const actions = /(?:\/|Action )(restore|copy|send|save|restoreToOriginalLocation|copyTo|sendTo)$/;

/**
 * What must be on the audit trail of a request, as `action decision policies`, from the route and from what was answered. Every
 * refusal of somebody known is one record, whatever it is; nothing is recorded of those whom nobody knows.
 */
export function expectedRecords(row: string, column: string, status: number): string[] {
  if (status === 401) return [];
  if (status === 403 || status === 404) return denial(row, column, status);
  if (status === 409) return [];
  return allowed(row, column);
}

function denial(row: string, column: string, status: number): string[] {
  if (isOneCall(row)) {
    // Those who may open a session there are told of no OneDrive but their own.
    return column === 'alice>bob'
      ? ['openRestoreSession allow people-open-restore-sessions', `${actionOf(row)} deny default-deny`]
      : ['openRestoreSession deny default-deny'];
  }
  // The decision on another action than the one explained was never made.
  if (row.endsWith('/explain') && !withoutSession.includes(column)) return [];
  if (row.includes('audit-records')) return ['readAuditRecords deny default-deny'];
  if (row.includes('send-readiness')) return ['readSendReadiness deny default-deny'];
  if (row.includes('credential-profiles')) return ['listCredentialProfiles deny default-deny'];
  if (row.includes('operations')) return ['readOperations deny default-deny'];
  if (isOpening(row)) return ['openRestoreSession deny default-deny'];
  // 404 where the session is not the caller's, 403 where it does not even come to that.
  const isAboutSession = !/:oid|explain/.test(row) || withoutSession.includes(column);
  if (status === 404 && isAboutSession) return ['useRestoreSession deny default-deny'];
  if (/device-?code/i.test(row)) return ['requestDeviceCode deny default-deny'];
  // The guard knows of no organization yet, and nothing permits a stranger these two anywhere.
  const isStrange = column === 'stranger' && status === 404;
  return [`${actionOf(row)} deny ${isStrange ? 'issuer-speaks-for-the-organization' : 'default-deny'}`];
}

function allowed(row: string, column: string): string[] {
  const isOperator = operators.includes(column);
  const permit = isOperator ? 'operators-act-in-their-organizations' : 'people-act-on-own-onedrive';
  if (isOpening(row)) {
    const opening = isOperator ? permit : 'people-open-restore-sessions';
    return [`openRestoreSession allow ${opening}`, 'restore-session.opened'];
  }
  if (isOneCall(row)) {
    const opening = isOperator ? permit : 'people-open-restore-sessions';
    return [`openRestoreSession allow ${opening}`, 'restore-session.opened', `${actionOf(row)} allow ${permit}`];
  }
  if (row.startsWith('DELETE') || row.endsWith(':sid/Action')) return ['restore-session.stopped'];
  if (/device-?code/i.test(row)) {
    return ['requestDeviceCode allow operators-request-device-codes', 'device-code.issued'];
  }
  if (row.includes('audit-records')) return ['readAuditRecords allow auditors-read-the-trail'];
  if (row.includes('send-readiness')) return ['readSendReadiness allow operators-read-send-readiness'];
  if (row.includes('credential-profiles')) {
    return ['listCredentialProfiles allow operators-list-credential-profiles'];
  }
  if (/onedrives/i.test(row)) {
    const action = actionOf(row);
    return [`${action} allow ${action === 'copy' || action === 'send' ? `operators-${action}` : permit}`];
  }
  // What shows no backup data: the caller's own sessions and operations, the names of organizations, an explanation.
  return [];
}

function isOpening(row: string): boolean {
  return row === 'POST /api/v1/restore-sessions' || row.endsWith('Organizations/:id/Action');
}

/** What opens a session, finds the item and acts on it. */
function isOneCall(row: string): boolean {
  return /(?:restores|downloads)$/.test(row);
}

function actionOf(row: string): string {
  if (isOneCall(row)) return row.endsWith('restores') ? 'restore' : 'save';
  const [, name = 'browse'] = actions.exec(row) ?? [];
  return name === 'restoreToOriginalLocation' ? 'restore' : name.replace(/To$/, '');
}
