export interface GuideFacts {
  readonly root: string;
  readonly gatewayUrl: string;
  readonly organizationId: string;
  readonly issuer: string;
  readonly veeamUrl: string;
  readonly apiVersion: string;
  readonly veeamControlUrl: string;
  readonly productionDir: string;
  readonly mailDir: string;
}

/** What a newcomer sees once everything is up: commands to paste line by line into another terminal. */
export function guide(facts: GuideFacts): string {
  const api = `${facts.gatewayUrl}/api/v1`;
  const member = (path: string) => `node -p 'JSON.parse(fs.readFileSync(0)).${path}'`;
  const post = (body: string) => `-H "$AUTH" -H 'Content-Type: application/json' -d '${body}'`;
  return `
Restore Gateway is ready.   API: ${facts.gatewayUrl}/docs   Ctrl-C stops everything.

Paste into another terminal, line by line:

  cd '${facts.root.replaceAll("'", `'\\''`)}'

  # alice signs in: an access token of the company's SSO
  AUTH="Authorization: Bearer $(npm run --silent token -- alice)"

  # open a restore session: the latest backup of contoso
  SID=$(curl -s ${post(`{"organizationId":"${facts.organizationId}"}`)} ${api}/restore-sessions | ${member('id')})

  # which OneDrives are hers?
  curl -sw '\\n' -H "$AUTH" ${api}/restore-sessions/$SID/onedrives
  OID=$(curl -s -H "$AUTH" ${api}/restore-sessions/$SID/onedrives | ${member('items[0].id')})

  # download it as a ZIP
  curl -s ${post('{"asZip":true}')} -o onedrive.zip ${api}/restore-sessions/$SID/onedrives/$OID/save
  ls -l onedrive.zip

  # restore it to where it was, and wait for the outcome
  curl -sw '\\n' -H 'Prefer: wait=30' ${post('{"documentAction":"overwrite"}')} ${api}/restore-sessions/$SID/onedrives/$OID/restore

  # done
  curl -s -X DELETE -H "$AUTH" ${api}/restore-sessions/$SID

Other people: bob, fred, oscar (operator of contoso), audrey (auditor), mallory (nobody), and the service helpdesk-app.
Restored files: ${facts.productionDir}
Mails:          ${facts.mailDir}
SSO sandbox:    ${facts.issuer}
VB365 sandbox:  ${facts.veeamUrl}, API ${facts.apiVersion} (control: ${facts.veeamControlUrl})
`;
}
