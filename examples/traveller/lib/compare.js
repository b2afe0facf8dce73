/** The report with the highest temperature; of two the first. */
export function warmest(reports) {
  return reports.reduce((best, report) => (report.celsius > best.celsius ? report : best));
}
