// `cargo xtask drill`: the drill, told as it goes, and its report.

import { Rehearsal } from "./rehearsal.mjs";

const { failures, report } = await Rehearsal.play((text) => console.log(text));
console.log(`\n${report}\nThis report is in target/drill/report.md.`);
process.exit(failures.length === 0 ? 0 : 1);
