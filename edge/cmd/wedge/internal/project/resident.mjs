// AssemblyScript's compiler in a process that stays: starting it takes longer than most compilations. Each line of the
// standard input is a JSON array of arguments, each line of the output a JSON object with what came of them.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

console.log = console.error; // a project's transform may print
const asc = await import(pathToFileURL(process.argv.at(-1)));

const compile = async (args) => {
  const stdout = asc.createMemoryStream();
  const stderr = asc.createMemoryStream();
  let failed = false;
  try {
    failed = Boolean((await asc.main(args, { stdout, stderr })).error);
  } catch (e) {
    failed = true;
    stderr.write(String(e?.stack ?? e) + "\n");
  }
  return { failed, text: stdout.toString() + stderr.toString() };
};

process.stdout.write('{"ready":true}\n');
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await compile(JSON.parse(line));
  process.stdout.write(JSON.stringify(answer) + "\n");
}
