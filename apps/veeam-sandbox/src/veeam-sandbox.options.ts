import type { SandboxControl } from './control/sandbox-control.js';

export const versionNames = ['v5', 'v6', 'v7', 'v8'] as const;
export type VersionName = (typeof versionNames)[number];

export interface VeeamSandboxOptions {
  /** The API versions that are served, side by side; default all. */
  versions?: readonly VersionName[];
  /** Default 127.0.0.1. */
  host?: string;
  /** HTTPS port of the API; 0, the default, takes a free one. */
  port?: number;
  /** HTTP port of the control API; 0, the default, takes a free one. */
  controlPort?: number;
  /** Certificates, passwords and the production folder live here; it is created. */
  dataDir: string;
  /** The folder whose files are served as OneDrives; without it a sample tree is written to `dataDir/files`. */
  filesDir?: string;
  /** With `filesDir`: the folder of previous versions and deleted items, laid out as the README says. */
  historyDir?: string;
  /** Those of the sample organizations that it has, by tenant name, and their ids where they are not the usual ones; default all. */
  organizations?: readonly { readonly name: string; readonly id?: string }[];
  /** The VB365 administrator's login. */
  username?: string;
  /** Default: random, kept in the data folder. */
  password?: string;
  /** When given, both e-mail settings (VESP and VEOD) use it from the start. */
  smtp?: { host: string; port: number };
  /** Default 3600. */
  accessTokenSeconds?: number;
  /** Idle restore sessions stop after this long; default 1800. */
  sessionIdleSeconds?: number;
  /** Size of the synthetic big OneDrive; default 512 MiB in 4 documents. */
  bigOneDrive?: { bytes: number; documents?: number };
  /** PEM texts to be used instead of a generated pair; the certificate is its own trust anchor. */
  tls?: { key: string; certificate: string };
}

export interface VeeamSandbox {
  /** `https://127.0.0.1:PORT`, without an API version. */
  url: string;
  controlUrl: string;
  /** PEM file to trust; its certificate is for localhost, 127.0.0.1 and ::1. */
  caFile: string;
  /** SHA-256 of the certificate, lower-case hex. */
  fingerprint: string;
  username: string;
  password: string;
  filesDir: string;
  productionDir: string;
  /** A Microsoft 365 account that restores and copies may log in with. */
  restoreUserName: string;
  restorePassword: string;
  /** An application and its PFX that restores may log in with. */
  applicationId: string;
  certificateFile: string;
  certificatePassword: string;
  /** The only application that device codes are issued for. */
  deviceCodeApplicationId: string;
  /** Files holding the secrets above, for whoever mounts them. */
  secretFiles: { password: string; restorePassword: string; certificatePassword: string };
  control: SandboxControl;
  close(): Promise<void>;
}
