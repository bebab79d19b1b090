export const metadataAdd = (module) => module;
