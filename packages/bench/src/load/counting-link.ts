/** A link between nodes that counts what goes through it: subjects and payloads, without what the bus adds. */
import type { NodeLink } from "duologue";

type Receive = Parameters<NodeLink["subscribe"]>[1];

export class CountingLink implements NodeLink {
  sentMessages = 0;
  sentBytes = 0;
  receivedMessages = 0;
  receivedBytes = 0;

  private readonly link: NodeLink;

  constructor(link: NodeLink) {
    this.link = link;
  }

  get node(): string {
    return this.link.node;
  }

  get isConnected(): boolean {
    return this.link.isConnected;
  }

  get maxPayloadBytes(): number {
    return this.link.maxPayloadBytes;
  }

  get dropped(): number {
    return this.link.dropped;
  }

  publish(subject: string, payload: string): boolean {
    this.countSent(subject, payload);
    return this.link.publish(subject, payload);
  }

  subscribe(subject: string, receive: Receive): ReturnType<NodeLink["subscribe"]> {
    return this.link.subscribe(subject, (payload, answer) => {
      this.countReceived(subject, payload);
      receive(
        payload,
        answer === undefined
          ? undefined
          : (text) => {
              this.countSent("", text);
              answer(text);
            },
      );
    });
  }

  async request(subject: string, payload: string, timeoutMs: number): ReturnType<NodeLink["request"]> {
    this.countSent(subject, payload);
    const answer = await this.link.request(subject, payload, timeoutMs);
    // That nobody is there is said by a message, too.
    if (answer.kind !== "unknown") this.countReceived("", answer.kind === "answered" ? answer.payload : "");
    return answer;
  }

  settle(timeoutMs: number): Promise<void> {
    return this.link.settle(timeoutMs);
  }

  onReturn(receive: () => void): void {
    this.link.onReturn(receive);
  }

  private countSent(subject: string, payload: string): void {
    this.sentMessages += 1;
    this.sentBytes += subject.length + Buffer.byteLength(payload);
  }

  private countReceived(subject: string, payload: string): void {
    this.receivedMessages += 1;
    this.receivedBytes += subject.length + Buffer.byteLength(payload);
  }
}
