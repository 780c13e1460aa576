/** Latencies in buckets that grow by about 1 %, so that any number of them takes the same memory. */
export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

const LOWEST_MS = 0.001;
const BUCKETS_PER_E = 100;
/** Covers up to e^(2000/100) µs: eight minutes. */
const BUCKET_COUNT = 2001;

export class LatencyHistogram {
  private readonly buckets = new Uint32Array(BUCKET_COUNT);
  private total = 0;
  private highestMs = 0;

  record(latencyMs: number, times = 1): void {
    const scaled = latencyMs <= LOWEST_MS ? 0 : Math.ceil(Math.log(latencyMs / LOWEST_MS) * BUCKETS_PER_E);
    const bucket = scaled < BUCKET_COUNT ? scaled : BUCKET_COUNT - 1;
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + times;
    this.total += times;
    if (latencyMs > this.highestMs) this.highestMs = latencyMs;
  }

  /** The upper bound of the bucket that holds the share `share` (0 to 1) of the latencies; 0 when there are none. */
  quantileMs(share: number): number {
    const rank = Math.ceil(share * this.total);
    let seen = 0;
    for (let bucket = 0; bucket < BUCKET_COUNT; bucket += 1) {
      seen += this.buckets[bucket] ?? 0;
      if (seen >= rank && seen > 0)
        return Math.min(LOWEST_MS * Math.exp(bucket / BUCKETS_PER_E), this.highestMs);
    }
    return this.highestMs;
  }

  summary(): LatencySummary {
    return {
      count: this.total,
      p50Ms: this.quantileMs(0.5),
      p99Ms: this.quantileMs(0.99),
      p999Ms: this.quantileMs(0.999),
      maxMs: this.highestMs,
    };
  }
}
