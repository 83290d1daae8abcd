// Reads emails' HTML, one JSON string a line; writes, for each, what common mail programs do not support, as JSON.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(new URL("../assets/package.json", import.meta.url));
const { caniemail } = await import(require.resolve("caniemail"));
const clients = [
  "gmail.desktop-webmail", "gmail.ios", "gmail.android", "outlook.windows", "apple-mail.*", "yahoo.desktop-webmail",
];

function unsupported(html) {
  const { issues } = caniemail({ clients, html });
  const titles = new Set();
  for (const found of issues.errors.values()) for (const issue of found) titles.add(issue.title);
  return [...titles].sort();
}

for await (const line of createInterface({ input: process.stdin })) {
  const html = JSON.parse(line);
  const inline = unsupported(html.replace(/<style>[\s\S]*?<\/style>/, ""));
  console.log(JSON.stringify({ whole: unsupported(html), inline }));
}
