// The Python environment of the tests: made once under .cache/python from exact versions, made again when those change.
// `RATIONALE_TEST_PYTHON=/path/to/python` uses a ready one instead; its versions are checked, nothing is installed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, must, root, run, seconds } from '../../scripts/process.mjs';

const requirements = join(import.meta.dirname, 'requirements.txt');
const constraints = join(import.meta.dirname, 'constraints.txt');
const readers = join(import.meta.dirname, 'readers.txt');
const environment = join(root, '.cache/python');
const stamp = join(environment, 'installed.sha256');
/** What the pinned numpy, transformers and trl ask for. */
const oldestPython = [3, 11];

/**
 * Path of a Python interpreter that has the packages of requirements.txt and readers.txt in exactly these versions.
 * Throws an Error that says what is missing and what to do.
 */
export async function testPython() {
  const ready = process.env['RATIONALE_TEST_PYTHON'];
  if (ready) {
    await checkVersions(ready);
    return ready;
  }
  const python = join(environment, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const wanted = createHash('sha256')
    .update(readFileSync(requirements))
    .update(readFileSync(constraints))
    .update(readFileSync(readers))
    .digest('hex');
  if (existsSync(python) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python;
  await install(await findPython(), python);
  await checkVersions(python);
  writeFileSync(stamp, wanted);
  return python;
}

async function findPython() {
  const tried = [];
  for (const command of ['python3', 'python', 'python3.13', 'python3.12', 'python3.11']) {
    const { code, output } = await run(command, ['-c', 'import sys, ensurepip, venv; print(*sys.version_info[:2])'], {
      output: 'capture',
    });
    const [major = 0, minor = 0] = output.trim().split(' ').map(Number);
    if (code === 0 && (major > oldestPython[0] || (major === oldestPython[0] && minor >= oldestPython[1])))
      return command;
    tried.push(
      `${command}: ${code === 0 ? `version ${major}.${minor}` : (output.trim().split('\n').at(-1) ?? 'not found')}`,
    );
  }
  throw new Error(
    `The tests that compare Rationale with its consumers need Python ${oldestPython.join('.')} or newer with venv and pip. Tried:\n  ${tried.join('\n  ')}\n` +
      'Install one (Debian: python3 and python3-venv), or set RATIONALE_TEST_PYTHON to an interpreter that has the packages of test/python/requirements.txt and readers.txt.',
  );
}

async function install(base, python) {
  const start = Date.now();
  // Half an environment is worse than none: pip would build on what an interrupted install left.
  rmSync(environment, { recursive: true, force: true });
  mkdirSync(environment, { recursive: true });
  console.error(`Installing the Python environment of the tests into ${environment} (once). ${downloadNote}`);
  await must('Making a Python environment', base, ['-m', 'venv', environment], { output: 'tee' });
  const pip = ['-m', 'pip', 'install', '--only-binary=:all:', '--progress-bar', 'off'];
  const packages = [...pip, '-r', requirements, '-c', constraints];
  let output = await must('Installing the Python packages of the tests', python, packages, { output: 'capture' });
  const alone = [...pip, '--no-deps', '-r', readers];
  output += await must('Installing the readers of exports', python, alone, { output: 'capture' });
  console.error(`Python environment ready: ${megabytes(output)} MB of packages in ${seconds(start)}.`);
}

/** Measured by this script on Linux x64 with Python 3.11: it prints the sum of pip's own figures after each install. */
const downloadNote =
  'On Linux torch brings its CUDA libraries along: 2,917 MB to download, 5.4 GB on disk, two to three minutes on a fast line. ' +
  'Where your pip is configured to find a CPU build of torch, it takes that one and none of the CUDA libraries.';

/** Sum of the sizes that pip prints behind each file it fetched, in MB. */
function megabytes(pipOutput) {
  let sum = 0;
  for (const [, size, unit] of pipOutput.matchAll(
    /^\s*(?:Downloading|Using cached) \S+ \(([\d.]+) (bytes|[kMG]B)\)/gm,
  )) {
    sum += Number(size) * { bytes: 1e-6, kB: 1e-3, MB: 1, GB: 1e3 }[unit];
  }
  return Math.round(sum);
}

/** Throws where the interpreter lacks a package or has another version. A build tag (`2.13.0+cpu`) is the same version. */
async function checkVersions(python) {
  const script = [
    'import sys, importlib.metadata as m',
    'from packaging.requirements import Requirement',
    'for line in (line.strip() for path in sys.argv[1:] for line in open(path)):',
    '    if not line or line.startswith("#"): continue',
    '    wanted = Requirement(line)',
    '    if wanted.marker and not wanted.marker.evaluate(): continue',
    '    try: found = m.version(wanted.name).split("+")[0]',
    '    except m.PackageNotFoundError: found = "missing"',
    '    if f"=={found}" != str(wanted.specifier): print(f"{wanted.name}: {found}, expected {wanted.specifier}")',
  ].join('\n');
  const files = [requirements, readers];
  const output = await must('Reading the versions of the Python packages', python, ['-c', script, ...files], {
    output: 'capture',
  });
  if (output.trim() !== '') {
    throw new Error(
      `${python} has other packages than test/python/requirements.txt and readers.txt:\n${output.trimEnd()}\n` +
        'Unset RATIONALE_TEST_PYTHON to let the tests install their own, or bring that environment up to date.',
    );
  }
}

if (process.argv[1] === import.meta.filename) testPython().then(console.log, fail);
