import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';

/** What the gateway's configuration is made of where both its neighbours are sandboxes. */
export interface SandboxFacts {
  readonly databaseUrl: string;
  readonly issuer: string;
  readonly audience: string;
  readonly veeam: {
    readonly url: string;
    readonly caFile: string;
    readonly username: string;
    readonly password: string;
    readonly restoreUserName: string;
    readonly restorePassword: string;
    readonly applicationId: string;
    readonly certificateFile: string;
    readonly certificatePassword: string;
    readonly deviceCodeApplicationId: string;
  };
}

const CONTOSO = 'contoso.onmicrosoft.com';
const FABRIKAM = 'fabrikam.onmicrosoft.com';

/**
 * Writes `gateway.yaml` and the secrets into `folder`, readable by their owner only.
 *
 * @returns the environment of the gateway but for its ports
 */
export async function writeSandboxConfiguration(folder: string, facts: SandboxFacts): Promise<Record<string, string>> {
  const { environment, yaml, secrets } = sandboxConfiguration(folder, facts);
  await mkdir(join(folder, 'secrets'), { recursive: true, mode: 0o700 });
  for (const [file, secret] of Object.entries(secrets)) await writeFile(file, secret, { mode: 0o600 });
  await writeFile(join(folder, 'gateway.yaml'), yaml, { mode: 0o600 });
  return environment;
}

export function sandboxConfiguration(folder: string, { databaseUrl, issuer, audience, veeam }: SandboxFacts) {
  const secretFile = (name: string) => join(folder, 'secrets', name);
  const databaseUrlFile = secretFile('database-url');
  const veeamPasswordFile = secretFile('veeam-password');
  const restorePasswordFile = secretFile('contoso-restore-password');
  const certificatePasswordFile = secretFile('fabrikam-certificate-password');

  const settings = {
    organizations: [{ name: CONTOSO, deviceCodeApplicationId: veeam.deviceCodeApplicationId }, { name: FABRIKAM }],
    roleBindings: [
      { role: 'operator', organizations: [CONTOSO], issuer, group: 'contoso-restore-operators' },
      { role: 'operator', organizations: [CONTOSO], issuer, tokenRole: 'contoso-restore-operator' },
      { role: 'auditor', organizations: [CONTOSO, FABRIKAM], issuer, group: 'restore-auditors' },
    ],
    credentialProfiles: [
      {
        name: 'contoso',
        organization: CONTOSO,
        kind: 'user',
        userName: veeam.restoreUserName,
        password: { file: restorePasswordFile },
      },
      {
        name: 'fabrikam',
        organization: FABRIKAM,
        kind: 'application',
        applicationId: veeam.applicationId,
        certificate: { file: veeam.certificateFile },
        certificatePassword: { file: certificatePasswordFile },
      },
    ],
    mail: { senders: [`restore@${CONTOSO}`], recipientDomains: [CONTOSO] },
    limits: { shutdownGrace: '5s' },
  };

  return {
    yaml: stringify(settings, { aliasDuplicateObjects: false }),
    environment: {
      DATABASE_URL_FILE: databaseUrlFile,
      SSO_ISSUER: issuer,
      SSO_AUDIENCE: audience,
      VEEAM_URL: veeam.url,
      VEEAM_API_VERSION: 'v5',
      VEEAM_CA_FILE: veeam.caFile,
      VEEAM_USERNAME: veeam.username,
      VEEAM_PASSWORD_FILE: veeamPasswordFile,
      GATEWAY_CONFIG: join(folder, 'gateway.yaml'),
      DOCS_ENABLED: 'true',
    },
    secrets: {
      [databaseUrlFile]: databaseUrl,
      [veeamPasswordFile]: veeam.password,
      [restorePasswordFile]: veeam.restorePassword,
      [certificatePasswordFile]: veeam.certificatePassword,
    },
  };
}
