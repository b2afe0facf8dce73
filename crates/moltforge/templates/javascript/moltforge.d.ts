// The module "moltforge", for editors. The agent does not need this file.
declare module "moltforge" {
  type Json = null | boolean | number | string | Json[] | { [name: string]: Json | undefined };
  /** "500ms", "30s", "10m", "2h", "7d", or a number of seconds. */
  type Duration = string | number;
  interface Cancel {
    signal?: AbortSignal;
  }

  /** A call that did not work. `code` is stable and has a page in the documentation. */
  class CapabilityError extends Error {
    readonly capability: string;
    readonly code: string;
    readonly details?: Record<string, any>;
  }

  interface Message {
    role: "system" | "user" | "assistant";
    content: string;
  }
  interface ModelOptions extends Cancel {
    system?: string;
    model?: string;
    temperature?: number;
    max_output_tokens?: number;
  }
  interface Reply {
    text: string;
    model: string;
    usage: Record<string, any>;
  }
  /** A piece of a reply. */
  interface Piece {
    /** What is new. */
    text: string;
    /** All of it so far. */
    reply: string;
    /** The model was asked again after a crash: what came before is void. */
    restarted: boolean;
  }
  interface Child {
    execution_id: string;
  }
  interface Decision {
    decision: "approved" | "rejected" | "expired";
    by?: string;
    note?: string;
    answer?: any;
  }
  interface Question {
    details?: string;
    /** A JSON Schema of what is filled in. */
    form?: object;
    expires?: string;
  }

  /** Any tool that the agent's file grants, built in or declared. */
  const tools: { call(name: string, args?: object, options?: Cancel): Promise<any> };
  const llm: {
    complete(prompt: string, options?: ModelOptions): Promise<Reply>;
    complete(request: ({ prompt: string } | { messages: Message[] }) & ModelOptions): Promise<Reply>;
    /** The same, read while it is written. `result` is what `complete` would give. */
    stream(prompt: string, options?: ModelOptions): AsyncIterable<Piece> & { result: Promise<Reply> };
    stream(
      request: ({ prompt: string } | { messages: Message[] }) & ModelOptions,
    ): AsyncIterable<Piece> & { result: Promise<Reply> };
  };
  const state: {
    get(key: string): Promise<any>;
    set(key: string, value: Json): Promise<unknown>;
    delete(key: string): Promise<unknown>;
  };
  const events: { emit(type: string, data?: Json, options?: { topic?: string }): Promise<unknown> };
  const agents: {
    /** Runs another agent and answers with its output. */
    call(agent: string, input?: Json, options?: Cancel & { timeout?: Duration }): Promise<any>;
    /** Starts another agent and answers at once. */
    start(agent: string, input?: Json): Promise<Child>;
    /** Waits for children that `start` began: for all, or for any. */
    wait(
      executions: Child | string | (Child | string)[],
      options?: Cancel & { mode?: "all" | "any"; timeout?: Duration },
    ): Promise<any>;
  };
  const approvals: {
    request(title: string, options?: Question & Cancel): Promise<Decision>;
    request(question: Question & Cancel & { title: string }): Promise<Decision>;
  };
  const signals: { wait(name: string, options?: Cancel & { timeout?: Duration }): Promise<any> };
  const timers: { sleep(duration: Duration, options?: Cancel): Promise<unknown> };
  const log: ((...values: any[]) => void) & {
    debug(...values: any[]): void;
    info(...values: any[]): void;
    warn(...values: any[]): void;
    error(...values: any[]): void;
  };
  /** All of it at once: the second argument of `run`. */
  const context: {
    tools: typeof tools;
    llm: typeof llm;
    state: typeof state;
    events: typeof events;
    agents: typeof agents;
    approvals: typeof approvals;
    signals: typeof signals;
    timers: typeof timers;
    log: typeof log;
  };

  export { CapabilityError, agents, approvals, context, events, llm, log, signals, state, timers, tools };
  export type { Child, Decision, Duration, Json, Message, ModelOptions, Piece, Question, Reply };
  export default context;
}

// Files that are imported as text.
declare module "*.md" {
  let text: string;
  export default text;
}
declare module "*.txt" {
  let text: string;
  export default text;
}
