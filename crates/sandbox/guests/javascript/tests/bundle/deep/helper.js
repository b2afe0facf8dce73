import config from "../config.json";
export const helper = (n) => (config.key ? n * 2 : 0);
export const name = import.meta.url;
