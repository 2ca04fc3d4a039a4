import { Socket } from "node:net";

// Preloaded into a program that must not need the network: whoever connects fails, by name.
Socket.prototype.connect = function connect(...args) {
  throw new Error(`a connection to ${JSON.stringify(args[0])} while there is no network`);
};
