import { RequestHook, onRequest } from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

export function on_request(): i32 {
  return onRequest(greet);
}

function greet(h: RequestHook): void {
  h.nothingOfThatName();
}
