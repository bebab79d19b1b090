import { RequestHook, onRequest } from "wedge";
export { wedge_abi_v1, wedge_restored } from "wedge";

@external("elsewhere", "f")
declare function f(): i32;

export function on_request(): i32 {
  return onRequest(greet);
}

function greet(h: RequestHook): void {
  f();
}
