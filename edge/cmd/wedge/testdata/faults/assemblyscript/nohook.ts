export { wedge_abi_v1, wedge_restored } from "wedge";
