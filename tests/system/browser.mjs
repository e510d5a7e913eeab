// A real browser, without a window.

import { execFileSync } from "node:child_process";
import { chromium } from "playwright-core";

/** Where Chromium is: what the environment says, or what the path has. */
function executable() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      return execFileSync("which", [name], { encoding: "utf8" }).trim();
    } catch {
      // The next name.
    }
  }
  throw new Error("Chromium is not installed: set CHROMIUM to where it is");
}

/** It talks to nobody but the pages under test. */
const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launchBrowser() {
  return chromium.launch({ executablePath: executable(), args: QUIET });
}
