import { field, Rule } from '../../http/fields.js';

const longestPath = 400;

/** What SharePoint refuses in names, and anything that could end or reorder a line. */
const forbidden = /["*:<>?|\\\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Where a copy goes within the target: a path that can only lead down from its root. */
export function TargetFolder(): PropertyDecorator {
  return field(
    {
      description: 'Folder in the target OneDrive; names are parted by /. By default its root.',
      optional: true,
      example: 'Restored/2024',
    },
    { type: String, minLength: 1, maxLength: longestPath },
    [
      Rule(
        'targetFolder',
        `must be a relative folder path of at most ${longestPath} characters, without empty, . or .. parts and " * : < > ? | \\`,
        (value) => typeof value === 'string' && isRelativePath(value),
      ),
    ],
  );
}

function isRelativePath(path: string): boolean {
  return path.length <= longestPath && !forbidden.test(path) && path.split('/').every(isFolderName);
}

/** Windows and SharePoint drop spaces around a name and dots at its end, which would make `.. ` a way up. */
function isFolderName(name: string): boolean {
  return name !== '' && name === name.trim() && !name.endsWith('.');
}
