// fails: no-run
// message: no-run.js exports no run
export const other = 1;
