export { createMockServer, type MockMessage, type MockServer } from "./mock-server.ts";
