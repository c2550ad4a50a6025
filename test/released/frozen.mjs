// Version 0.1.0 of 2026-11-28: how the last release reads states and decides about them. Generated, not edited.
// `node test/released/freeze.ts` renews it: see CONTRIBUTING.md, "Release".

// shared/domain/company/attempt.ts
var attemptTimes = {
  /** From the phone's answer to pair-success (R18). */
  answerMs: 15e3,
  /** From pair-success to connected (R18). */
  connectMs: 6e4,
  /** Longest wait for a linked phone's session to reconnect (R9). */
  sessionMs: 1e4,
  /** Longest delay of the next QR after the last one expired (R19). */
  nextQrMs: 5e3,
  /** Lifetime of a registration socket in Baileys: 60 s for the first QR ref and 20 s for each of the other five. */
  socketMs: 16e4
};
var isExpiryReported = (attempt) => attempt.state === "expired" || attempt.state === "phone-confirmed" && attempt.isLate === true;
function deadlineOf(attempt) {
  switch (attempt.state) {
    case "requested":
    case "connecting":
      return attempt.deadline;
    case "code-issued":
      return "qr" in attempt.shown ? attempt.expiresAt + attemptTimes.nextQrMs : attempt.expiresAt;
    case "phone-confirmed":
      return attempt.answerBy;
    case "expired":
      return attempt.socketUntil;
    case "storing":
    case "restarting":
      return attempt.connectBy;
  }
}

// shared/domain/company/company.ts
var sessionStatuses = ["connecting", "connected", "reconnecting", "logged-out", "stopped"];
var notice = (event, waiting = []) => ({
  event,
  waiting,
  audience: "company"
});
var answer = (event, waiting) => ({
  event,
  waiting,
  audience: "waiting"
});
var decision = (state, outcome, notices = []) => ({ state, notices, outcome });
function ownAttempt(state, ref) {
  const { attempt } = state;
  if (!attempt || attempt.state === "requested" || state.epoch > ref.owner.epoch) return void 0;
  const same = attempt.attemptId === ref.attemptId && attempt.fence === ref.fence;
  return same && attempt.owner.epoch === ref.owner.epoch ? attempt : void 0;
}
function without(value, ...keys) {
  const copy = { ...value };
  for (const key of keys) delete copy[key];
  return copy;
}

// shared/domain/company/logged-out.ts
var dayMs = 24 * 36e5;
function toldLoggedOut(state, failure, now) {
  const isRepeated = state.loggedOutAt !== void 0 && now - state.loggedOutAt < dayMs;
  return { state: { ...state, loggedOutAt: now }, failure: isRepeated ? { ...failure, action: "wait" } : failure };
}

// shared/domain/company/cleanup.ts
var sweepDelaysMs = [0, 36e5, 864e5];
var unlinkWithinMs = 6e4;
var resetAnswerMs = 3500;
var nothingToUnlink = ["logged-out"];
function retire(state, reason, now) {
  if (!state.credentials) return state;
  return retireLink(without(state, "credentials", "session"), state.credentials, reason, now);
}
function retireLink(state, { generation, wrappedKey }, reason, now) {
  const unlink = nothingToUnlink.includes(reason) ? "not-linked" : "pending";
  const retired = {
    generation,
    reason,
    retiredAt: now,
    unlink,
    sweeps: 0,
    ...unlink === "pending" && { wrappedKey }
  };
  return { ...state, cleanup: [...state.cleanup, retired], unlinked: unlink };
}
function awaitUnlink(state, waiting, now) {
  const last = state.cleanup.at(-1);
  if (!last) return state;
  const answerBy = last.answerBy ?? now + resetAnswerMs;
  return replace(state, { ...last, waiting: [...last.waiting ?? [], ...waiting], answerBy });
}
function unlinkFinished(state, generation, result) {
  const retired = state.cleanup.find((entry) => entry.generation === generation);
  if (retired?.unlink !== "pending") return decision(state, void 0);
  const done = { ...without(retired, "wrappedKey", "waiting", "answerBy"), unlink: result };
  const isLatest = state.cleanup.at(-1) === retired;
  const next = { ...replace(state, done), ...isLatest && { unlinked: result } };
  return decision(next, void 0, resetAnswers(retired, result));
}
function swept(state, generation) {
  const retired = state.cleanup.find((entry) => entry.generation === generation);
  if (!retired) return decision(state, void 0);
  const sweeps = retired.sweeps + 1;
  const isLast = sweeps >= sweepDelaysMs.length;
  if (!isLast) return decision(replace(state, { ...retired, sweeps }), void 0);
  return decision({ ...state, cleanup: state.cleanup.filter((entry) => entry !== retired) }, void 0);
}
var nextSweepAt = ({ retiredAt, sweeps, unlink }) => retiredAt + Math.max(sweepDelaysMs[sweeps] ?? 0, unlink === "pending" ? unlinkWithinMs : 0);
function cleanupDeadline(retired) {
  if (retired.unlink !== "pending") return void 0;
  return retired.answerBy ?? retired.retiredAt + unlinkWithinMs;
}
function settleCleanup(state, now) {
  let settled = decision(state, void 0);
  for (const retired of state.cleanup) {
    if (retired.unlink !== "pending") continue;
    if (now >= retired.retiredAt + unlinkWithinMs) {
      settled = join(settled, unlinkFinished(settled.state, retired.generation, "unconfirmed"));
    } else if (retired.answerBy !== void 0 && now >= retired.answerBy) {
      const answered = replace(settled.state, without(retired, "waiting", "answerBy"));
      settled = join(settled, decision(answered, void 0, resetAnswers(retired, "unconfirmed")));
    }
  }
  return settled;
}
var resetAnswers = (retired, unlinked) => retired.waiting ? [{ ...answer({ event: "credentials-reset", unlinked }, retired.waiting), audience: "company" }] : [];
var join = (first, second) => decision(second.state, void 0, [...first.notices, ...second.notices]);
var replace = (state, retired) => ({
  ...state,
  cleanup: state.cleanup.map((entry) => entry.generation === retired.generation ? retired : entry)
});

// shared/domain/company/retirement.ts
var retireByReset = (state, now) => retire(state, "reset", now);
var retireRemoved = (state, now) => retire(state, "logged-out", now);
var retireForPhone = (state, now) => retire(state, "phone-change", now);
var retireForLink = (state, isAnotherPhone, now) => retire(state, isAnotherPhone ? "phone-change" : "replaced", now);
var retireUndone = (state, now) => retire(state, "attempt-ended", now);
var retireUninstalled = (state, link, isRemoved, now) => retireLink(state, link, isRemoved ? "logged-out" : "attempt-ended", now);

// shared/domain/attempt/attempt-end.ts
var failuresAfterExpiry = [
  "CREDENTIALS_CONFLICT",
  "PASSKEY_REQUIRED",
  "ACCOUNT_RESTRICTED",
  "CLIENT_REJECTED"
];
function endAttempt(before, reason, how, now) {
  const { attempt } = before;
  if (!attempt) return decision(before, void 0);
  const { state, failure } = reason.code === "LOGGED_OUT" ? toldLoggedOut(before, reason, now) : { state: before, failure: reason };
  const rest = withoutLink(state, attempt, failure, how, now);
  const { attemptId, method: method2, waiting } = attempt;
  const isOver = attempt.state === "expired" && !failuresAfterExpiry.includes(failure.code);
  const lastAttempt = isOver ? { attemptId, method: method2, state: "expired", failure: { code: "CODE_EXPIRED" }, at: now } : { attemptId, method: method2, state: how, failure, at: now };
  const unanswered = isExpiryReported(attempt) && !failuresAfterExpiry.includes(failure.code) ? [] : waiting;
  const notices = isOver ? [] : [notice({ event: "pairing-code-error", attemptId, failure }, unanswered)];
  return decision({ ...without(rest, "attempt"), lastAttempt }, void 0, notices);
}
function withoutLink(state, attempt, { code }, how, now) {
  if (attempt.state === "storing") return retireUninstalled(state, attempt.link, code === "LOGGED_OUT", now);
  if (attempt.state !== "restarting") return state;
  if (how === "cancelled" || how === "superseded") return retireUndone(state, now);
  return state.session ? { ...state, session: { ...state.session, status: "reconnecting", error: code } } : state;
}

// shared/domain/attempt/attempt-events.ts
function shownEvents(attempt) {
  if (attempt.state === "storing" || attempt.state === "restarting")
    return [{ event: "pairing-progress", attemptId: attempt.attemptId, state: "restarting" }];
  if (!("shown" in attempt)) return [];
  const { attemptId, shown, expiresAt, phone } = attempt;
  return "qr" in shown ? [{ event: "qr", attemptId, qr: shown.qr, expiresAt }] : [{ event: "pairing-code", attemptId, code: shown.code, expiresAt, ...phone && { phone } }];
}
var startedEvent = ({ attemptId, phone, deadline }) => ({
  event: "pairing-started",
  attemptId,
  deadline,
  ...phone && { phone }
});
var progress = ({ attemptId }, state) => notice({ event: "pairing-progress", attemptId, state });

// shared/domain/attempt/deadlines.ts
function timeOut(state, now) {
  const { attempt } = state;
  if (!attempt || now < deadlineOf(attempt)) return settleCleanup(state, now);
  const moved = timeOutAttempt(state, attempt, now);
  const rest = timeOut(moved.state, now);
  return decision(rest.state, void 0, [...moved.notices, ...rest.notices]);
}
function nextDeadline(state) {
  const deadlines = state.cleanup.map(cleanupDeadline).filter((at) => at !== void 0);
  if (state.attempt) deadlines.push(deadlineOf(state.attempt));
  return deadlines.length > 0 ? Math.min(...deadlines) : void 0;
}
function timeOutAttempt(state, attempt, now) {
  switch (attempt.state) {
    case "requested":
      return endAttempt(state, { code: "HOST_UNAVAILABLE" }, "failed", now);
    case "connecting":
      return endAttempt(
        state,
        { code: attempt.awaitsSession ? "WHATSAPP_UNAVAILABLE" : "PAIRING_TIMEOUT" },
        "failed",
        now
      );
    case "storing":
    case "restarting":
      return endAttempt(state, { code: "PAIRING_TIMEOUT" }, "failed", now);
    case "code-issued":
      return expire(state, attempt);
    case "phone-confirmed":
      return mistyped(state, attempt, now);
    case "expired":
      return endAttempt(state, { code: "CODE_EXPIRED" }, "expired", now);
  }
}
function expire(state, attempt) {
  const { attemptId, waiting } = attempt;
  const expired = {
    ...without(attempt, "answerBy", "isLate"),
    state: "expired"
  };
  const failure = { code: "CODE_EXPIRED" };
  return decision({ ...state, attempt: expired }, void 0, [
    notice({ event: "pairing-code-error", attemptId, failure }, isExpiryReported(attempt) ? [] : waiting)
  ]);
}
function mistyped(state, attempt, now) {
  if (now >= attempt.expiresAt) return expire(state, attempt);
  const back = { ...without(attempt, "answerBy", "isLate"), state: "code-issued" };
  return decision({ ...state, attempt: back }, void 0, [progress(attempt, "code-issued")]);
}

// shared/domain/values/phone.ts
var samePhone = (a, b) => phoneClass(a) === phoneClass(b);
function phoneClass(digits) {
  const rule = legacyForms.find(({ modern }) => modern.test(digits));
  return rule ? digits.replace(rule.modern, "$1$2") : digits;
}
function maskPhone(digits) {
  const tail = digits.length < 10 ? 1 : 3;
  const head = digits.length < 10 ? 2 : Math.min(5, digits.length - 6);
  return `${digits.slice(0, head)}***${digits.slice(-tail)}`;
}
var legacyForms = [
  { modern: /^(55[1-9]\d)9([6-9]\d{7})$/, short: /^(55[1-9]\d)([6-9]\d{7})$/, digit: "9", region: "BR" },
  { modern: /^(52)1(\d{10})$/, short: /^(52)(\d{10})$/, digit: "1", region: "MX" },
  { modern: /^(54)9(\d{10})$/, short: /^(54)(\d{10})$/, digit: "9", region: "AR" }
];
var differs = (stored, asked) => stored !== void 0 && asked !== void 0 && !samePhone(stored, asked);

// shared/domain/attempt/link.ts
var isAsSeen = ({ attempt, credentials }, seenGeneration) => credentials?.generation === seenGeneration || credentials === void 0 && attempt?.replaces !== void 0 && attempt.replaces === seenGeneration;
function prepareLink(state, ref, { seenGeneration, ...link }, now) {
  const attempt = ownAttempt(state, ref);
  if (attempt?.state === "storing" && attempt.link.generation === link.generation) return decision(state, "prepared");
  if (!attempt || attempt.state === "storing" || attempt.state === "restarting") return decision(state, "stale");
  if (!isAsSeen(state, seenGeneration)) return decision(state, "stale");
  if (differs(attempt.phone, link.phone))
    return { ...endAttempt(state, { code: "CREDENTIALS_CONFLICT" }, "failed", now), outcome: "wrongPhone" };
  const { waiting } = attempt;
  const phone = link.phone ?? attempt.phone;
  const storing = {
    ...beforeLink(attempt),
    link,
    waiting: "shown" in attempt ? waiting.map((request) => ({ ...request, isAnswered: true })) : waiting,
    ...phone && { phone },
    state: "storing",
    connectBy: now + attemptTimes.connectMs
  };
  return decision({ ...state, attempt: storing }, "prepared", [progress(attempt, "restarting")]);
}
var beforeLink = (attempt) => without(attempt, ...codeFields);
var codeFields = ["awaitsSession", "shown", "expiresAt", "socketUntil", "answerBy", "isLate"];
function commitLink(state, ref, { generation, seenGeneration }, now) {
  const attempt = ownAttempt(state, ref);
  if (attempt?.state !== "storing" || attempt.link.generation !== generation) return decision(state, "stale");
  if (!isAsSeen(state, seenGeneration)) return decision(state, "stale");
  const { link, owner } = attempt;
  const committed = {
    ...retireForLink(state, differs(state.credentials?.phone, link.phone), now),
    attempt: { ...without(attempt, "link"), state: "restarting" },
    credentials: { ...link, linkedAt: now },
    session: { status: "connecting", since: now, epoch: owner.epoch, hostId: owner.hostId }
  };
  return decision(without(committed, "unlinked"), "committed");
}

// shared/domain/attempt/refusal.ts
var sharedStopRetrySeconds = 60;
function sharedReason({ status, error, fuse, refusals }) {
  if (status === "logged-out") return refusals && "refused";
  if (status !== "stopped") return void 0;
  return fuse ?? (error === "CLIENT_OUTDATED" || error === "INTERNAL" ? error : void 0);
}
var isSharedStop = (session) => session.status === "stopped" && sharedReason(session) !== void 0;
function pairingRefusal({ credentials, session }, { phone }, now) {
  if (!credentials || session?.status !== "stopped") return void 0;
  const { error = "INTERNAL", until, isAlone } = session;
  if (error === "CLIENT_OUTDATED" || error === "INTERNAL" && !isAlone)
    return { code: error, retryAfter: sharedStopRetrySeconds };
  if (until === void 0 || now >= until || differs(credentials.phone, phone)) return void 0;
  return { code: error, action: "wait", retryAfter: Math.ceil((until - now) / 1e3) };
}

// shared/domain/attempt/pairing.ts
var maxWaiting = 50;
function requestPairing(state, request, now) {
  const { attempt } = state;
  if (attempt && isJoined(attempt, request)) return joinAttempt(state, attempt, request);
  const failure = pairingRefusal(state, request, now);
  if (failure) return decision(state, { kind: "refused", failure });
  const ended = attempt ? endAttempt(state, { code: "PAIRING_SUPERSEDED" }, "superseded", now) : decision(state, void 0);
  const fence = ended.state.fence + 1;
  const { attemptId, method: method2, correlationId, deadline } = request;
  const started = {
    state: "requested",
    attemptId,
    fence,
    method: method2,
    correlationId,
    deadline,
    requestedAt: now,
    waiting: request.waiting ? [request.waiting] : [],
    ...request.phone && { phone: request.phone },
    ...request.ticket && { ticket: request.ticket }
  };
  const notices = [...ended.notices, notice(startedEvent(started), started.waiting)];
  return decision({ ...ended.state, fence, attempt: started }, { kind: "started", attempt: started }, notices);
}
var isJoined = (attempt, request) => !isExpiryReported(attempt) && asksTheSame(attempt, request);
function asksTheSame(attempt, { method: method2, phone }) {
  if (isPastLink(attempt)) return !differs(attempt.phone, phone);
  return attempt.method === method2 && (attempt.phone === phone || isSame(attempt.phone, phone));
}
var isPastLink = ({ state }) => state === "storing" || state === "restarting";
function joinAttempt(state, attempt, request) {
  if (!request.waiting) return decision(state, { kind: "joined", attempt });
  const waiting = [request.waiting];
  const known = attempt.waiting.some((other) => isSameRequest(other, waiting[0]));
  if (!known && attempt.waiting.length >= maxWaiting) return decision(state, { kind: "crowded" });
  const joined = known ? attempt : { ...attempt, waiting: [...attempt.waiting, ...waiting] };
  const notices = [
    answer(startedEvent(attempt), waiting),
    ...shownEvents(attempt).map((event) => answer(event, waiting))
  ];
  return decision(known ? state : { ...state, attempt: joined }, { kind: "joined", attempt: joined }, notices);
}
var isSameRequest = (a, b) => a.connectionId === b?.connectionId && a.requestId === b.requestId;
function acceptAttempt(state, ref, policy, now) {
  const { attempt, credentials } = state;
  const isMine = attempt?.attemptId === ref.attemptId && attempt.fence === ref.fence && state.epoch <= ref.owner.epoch;
  if (!isMine || attempt.state !== "requested" || now >= attempt.deadline) return decision(state, "stale");
  const awaitsSession = isLinked(state, attempt);
  const accepted = {
    ...without(attempt, "ticket"),
    state: "connecting",
    owner: ref.owner,
    awaitsSession,
    ...credentials && policy === "replace" && mayReplace(state, attempt) && { replaces: credentials.generation }
  };
  return decision({ ...state, epoch: ref.owner.epoch, attempt: accepted }, awaitsSession ? "awaitSession" : "pair");
}
var mayReplace = ({ credentials, session }, { phone }) => differs(credentials?.phone, phone) && !(session && isSharedStop(session));
var isLinked = ({ credentials, session }, { phone }) => credentials !== void 0 && !isEnded(session) && !differs(credentials.phone, phone);
var isEnded = (session) => session?.status === "stopped" || session?.status === "logged-out";
var isSame = (a, b) => a !== void 0 && b !== void 0 && samePhone(a, b);
function rejectBusy(state, ref, retryAfter, now) {
  const { attempt } = state;
  const isSame2 = attempt?.attemptId === ref.attemptId && attempt.fence === ref.fence;
  if (!isSame2 || attempt.state !== "requested" || state.epoch > ref.owner.epoch) return decision(state, "stale");
  return { ...endAttempt(state, { code: "BUSY", retryAfter }, "failed", now), outcome: "busy" };
}
function restartPairing(state, ref) {
  const attempt = ownAttempt(state, ref);
  if (attempt?.state !== "connecting" || !attempt.awaitsSession) return decision(state, "stale");
  return decision({ ...state, attempt: { ...attempt, awaitsSession: false } }, "pair");
}
function issueCode(state, ref, issued2, now) {
  const attempt = ownAttempt(state, ref);
  const isNew = attempt?.state === "connecting" && !attempt.awaitsSession;
  const isNextQr = attempt?.state === "code-issued" && "qr" in attempt.shown && "qr" in issued2.shown;
  if (!attempt || !(isNew || isNextQr)) return decision(state, "stale");
  const isReplaced = attempt.replaces === state.credentials?.generation && mayReplace(state, attempt);
  const shown = {
    ...without(attempt, "awaitsSession"),
    ...issued2,
    state: "code-issued"
  };
  const notices = shownEvents(shown).map((event) => notice(event, attempt.waiting));
  const kept = isReplaced ? retireForPhone(state, now) : state;
  return decision({ ...kept, attempt: shown }, "issued", notices);
}
function phoneAnswered(state, ref, now) {
  const attempt = ownAttempt(state, ref);
  if (attempt?.state !== "code-issued" && attempt?.state !== "expired" && attempt?.state !== "phone-confirmed")
    return decision(state, "stale");
  const confirmed = {
    ...attempt,
    ...attempt.state === "expired" && { isLate: true },
    state: "phone-confirmed",
    answerBy: now + attemptTimes.answerMs
  };
  const notices = attempt.state === "phone-confirmed" ? [] : [progress(attempt, "phone-confirmed")];
  return decision({ ...state, attempt: confirmed }, "confirmed", notices);
}
function failAttempt(state, ref, failure, now) {
  return ownAttempt(state, ref) ? { ...endAttempt(state, failure, "failed", now), outcome: "failed" } : decision(state, "stale");
}
function cancelPairing(state, waiting, now) {
  const { attempt } = state;
  const fence = state.fence + 1;
  if (!attempt) return decision({ ...state, fence }, void 0, [answer({ event: "pairing-cancelled" }, waiting)]);
  const ended = endAttempt(state, { code: "PAIRING_CANCELLED" }, "cancelled", now);
  const unanswered = hasAnswered(attempt) ? [] : ended.notices.map(({ event, waiting: others }) => answer(event, unansweredOf(others))).filter(hasRecipients);
  const cancelled = notice({ event: "pairing-cancelled", attemptId: attempt.attemptId }, waiting);
  return decision({ ...ended.state, fence }, void 0, [...unanswered, cancelled]);
}
var unansweredOf = (waiting) => waiting.filter(({ isAnswered }) => !isAnswered);
var hasRecipients = ({ waiting }) => waiting.length > 0;
var hasAnswered = (attempt) => "shown" in attempt;

// shared/domain/metrics/happenings.ts
var happeningsOf = (written) => [
  ...ends(written),
  ...requests(written),
  ...progress2(written),
  ...cleanUps(written),
  ...sessionChanges(written)
];
function ends({ before: { attempt }, after, now }) {
  const { lastAttempt } = after;
  if (!attempt || after.attempt?.attemptId === attempt.attemptId) return [];
  if (lastAttempt?.attemptId !== attempt.attemptId) return [];
  const ended = (outcome) => ({ type: "attemptEnded", outcome });
  if (lastAttempt.state !== "connected") return [ended(lastAttempt.failure?.code ?? "INTERNAL")];
  const isNewLink = attempt.state === "restarting";
  const linked = { type: "linked", tookMs: now - attempt.requestedAt };
  return [ended("connected"), ...isNewLink ? [linked] : []];
}
function requests({ before, after, now }) {
  const { attempt } = after;
  if (!attempt || attempt.attemptId === before.attempt?.attemptId) return [];
  const change = phoneChange(before, attempt, now);
  return [{ type: "requested" }, ...change ? [{ type: "phoneChanged", change }] : []];
}
function phoneChange(before, asked, now) {
  const { credentials, session, attempt, lastAttempt } = before;
  if (!credentials?.phone || !asked.phone || samePhone(credentials.phone, asked.phone)) return void 0;
  const { connectedAt, status } = session ?? {};
  const last = lastAttempt && [lastAttempt.method, lastAttempt.state, lastAttempt.failure?.code].filter(Boolean).join(" ");
  return {
    storedPhone: credentials.phone,
    askedPhone: asked.phone,
    method: asked.method,
    credentialAgeMs: now - credentials.linkedAt,
    wasLinked: status !== "stopped" && status !== "logged-out",
    steps: [...last ? [last] : [], ...attempt ? [`${attempt.method} ${attempt.state}`] : []],
    ...connectedAt !== void 0 && { connectedAt }
  };
}
function progress2({ before: { attempt: was }, after: { attempt }, now }) {
  if (!was || was.attemptId !== attempt?.attemptId || was.state === attempt.state) return [];
  if (attempt.state === "code-issued" && was.state === "connecting")
    return [{ type: "codeIssued", tookMs: now - attempt.requestedAt }];
  return attempt.state === "phone-confirmed" ? [{ type: "phoneConfirmed" }] : [];
}
var cleanUps = ({ before, after, now }) => after.cleanup.flatMap(({ generation, unlink, retiredAt }) => {
  const was = before.cleanup.find((entry) => entry.generation === generation);
  if (was?.unlink !== "pending" || unlink !== "confirmed" && unlink !== "unconfirmed") return [];
  return [{ type: "unlinked", result: unlink, tookMs: now - retiredAt }];
});
function sessionChanges({ before, after }) {
  const [was, is] = [before.session?.status, after.session?.status];
  if (was === is) return [];
  if (was === "connected" && is === "reconnecting") return [{ type: "sessionInterrupted" }];
  const code = is === "stopped" || is === "logged-out" ? after.session?.error : void 0;
  return code !== void 0 && before.attempt?.state !== "restarting" ? [{ type: "sessionStopped", code }] : [];
}

// shared/domain/values/result.ts
function unreachable(value) {
  throw new Error(`Unreachable: ${JSON.stringify(value)}`);
}

// shared/domain/metrics/metrics.ts
var histograms = {
  time_to_code_ms: [500, 1e3, 1500, 2e3, 3e3, 5e3, 7500, 1e4, 15e3, 2e4],
  time_to_link_ms: [5e3, 1e4, 15e3, 2e4, 3e4, 45e3, 6e4, 9e4, 12e4, 18e4],
  cleanup_time_ms: [100, 250, 500, 1e3, 2500, 5e3, 1e4, 3e4, 6e4],
  credential_age_seconds: [3600, 86400, 604800, 2592e3, 7776e3, 31536e3]
};
var outcomePrefix = "outcome.";
var counted = {
  attemptRequested: () => ({ requested: 1 }),
  attemptEnded: (outcome) => ({ [`${outcomePrefix}${outcome}`]: 1 }),
  /** A request for another phone than the linked one, with the age of the link. */
  phoneMismatch: (credentialAgeSeconds) => ({
    phone_mismatch: 1,
    ...observed("credential_age_seconds", credentialAgeSeconds)
  }),
  /** A retired generation's device was removed, or could not be removed in time. */
  cleanupEnded: (result, tookMs) => ({
    [`cleanup.${result}`]: 1,
    ...observed("cleanup_time_ms", tookMs)
  }),
  codeIssued: (tookMs) => observed("time_to_code_ms", tookMs),
  linked: (tookMs) => observed("time_to_link_ms", tookMs)
};
function countsOf(happening) {
  switch (happening.type) {
    case "requested":
      return counted.attemptRequested();
    case "phoneChanged":
      return counted.phoneMismatch(Math.round(happening.change.credentialAgeMs / 1e3));
    case "codeIssued":
      return counted.codeIssued(happening.tookMs);
    case "linked":
      return counted.linked(happening.tookMs);
    case "attemptEnded":
      return counted.attemptEnded(happening.outcome);
    case "unlinked":
      return counted.cleanupEnded(happening.result === "confirmed" ? "ok" : "failed", happening.tookMs);
    case "phoneConfirmed":
    case "sessionInterrupted":
    case "sessionStopped":
      return {};
    default:
      return unreachable(happening);
  }
}
function observed(name, value) {
  const bound = histograms[name].find((upper) => value <= upper) ?? histograms[name].at(-1);
  return { [`${name}.le.${bound}`]: 1, [`${name}.sum`]: Math.max(0, value), [`${name}.count`]: 1 };
}

// shared/domain/session/session.ts
var isCurrent = (state, ref) => state.credentials?.generation === ref.generation && state.epoch <= ref.owner.epoch;
function sessionConnected(state, ref, now) {
  if (!isCurrent(state, ref)) return decision(state, "stale");
  const { attempt, credentials } = state;
  const isAwaited = isSessionAwaited(state);
  const entered = without(enter(state, "connected", ref.owner, now), ...ofTheEnd);
  const session = { ...entered, connectedAt: now };
  const isNamed = !isAwaited || attempt?.phone !== void 0;
  const connected = {
    event: "whatsapp-connected",
    ...credentials?.phone && { phone: isNamed ? credentials.phone : maskPhone(credentials.phone) },
    ...isAwaited && attempt && { attemptId: attempt.attemptId }
  };
  const next = { ...state, epoch: ref.owner.epoch, session };
  if (!isAwaited || !attempt) {
    const notices = state.session?.status === "connected" ? [] : [notice(connected)];
    return decision(next, "connected", notices);
  }
  const { attemptId, method: method2, waiting } = attempt;
  const lastAttempt = { attemptId, method: method2, state: "connected", at: now };
  const unanswered = "shown" in attempt ? [] : waiting.filter(({ isAnswered }) => !isAnswered);
  return decision({ ...without(next, "attempt"), lastAttempt }, "connected", [notice(connected, unanswered)]);
}
function isSessionAwaited({ attempt, credentials }) {
  if (!attempt || attempt.state === "requested" || attempt.state === "storing") return false;
  if (attempt.state === "restarting" || attempt.state === "connecting" && attempt.awaitsSession) return true;
  const { phone } = attempt;
  return phone !== void 0 && credentials?.phone !== void 0 && samePhone(credentials.phone, phone);
}
function sessionInterrupted(state, ref, code, now) {
  if (!isCurrent(state, ref)) return decision(state, "stale");
  const wasConnected = state.session?.status === "connected";
  const isPairing = state.attempt?.state === "restarting";
  const session = { ...enter(state, isPairing ? "connecting" : "reconnecting", ref.owner, now), error: code };
  const notices = wasConnected ? [notice({ event: "whatsapp-disconnected", code, willReconnect: true })] : [];
  return decision({ ...state, epoch: ref.owner.epoch, session }, "reconnecting", notices);
}
var secondsTo = (until, now) => Math.max(1, Math.ceil((until - now) / 1e3));
var ofTheEnd = ["until", "isAlone", "fuse", "refusals"];
var refusalRetriesMs = [36e5, 6 * 36e5, 25 * 36e5];
var dueAt = ({ count, firstAt }) => firstAt + (refusalRetriesMs[count - 1] ?? 0);
function nextLoginAt({ status, until, refusals }) {
  if (status === "stopped") return until;
  return status === "logged-out" && refusals ? dueAt(refusals) : void 0;
}
function countRefusal(refusals, now) {
  if (!refusals) return { count: 1, firstAt: now };
  return now >= dueAt(refusals) ? { ...refusals, count: refusals.count + 1 } : refusals;
}
function sessionEnded(state, ref, { code, how, until, isAlone, fuse }, now) {
  if (!isCurrent(state, ref)) return decision(state, "stale");
  const isPairing = state.attempt?.state === "restarting";
  const failed = isPairing ? endAttempt(
    state,
    { code, ...until !== void 0 && { action: "wait", retryAfter: secondsTo(until, now) } },
    "failed",
    now
  ) : decision(state, void 0);
  const known = failed.state.session?.refusals;
  const refusals = how === "refused" ? countRefusal(known, now) : known;
  const session = {
    ...without(enter(failed.state, how === "stopped" ? "stopped" : "logged-out", ref.owner, now), ...ofTheEnd),
    error: code,
    ...until !== void 0 && { until },
    ...isAlone && { isAlone },
    ...fuse && { fuse },
    ...refusals && how !== "removed" && { refusals }
  };
  const kept = how === "removed" ? retireRemoved(withReplaced(failed.state, ref), now) : failed.state;
  const isTold = isSameEnd(state.session, session);
  const next = { ...isPairing && !kept.credentials ? kept : { ...kept, session }, epoch: ref.owner.epoch };
  if (isPairing || isTold) return decision(next, "ended", failed.notices);
  const told = code === "LOGGED_OUT" ? toldLoggedOut(next, { code }, now) : { state: next, failure: { code } };
  const event = {
    event: "whatsapp-disconnected",
    ...told.failure,
    willReconnect: false,
    ...until !== void 0 && { until, action: "wait" }
  };
  return decision(told.state, "ended", [...failed.notices, notice(event)]);
}
var isSameEnd = (before, { status, error, until }) => before?.status === status && before.error === error && before.until === until;
var withReplaced = (state, { generation }) => state.attempt && state.attempt.state !== "requested" ? { ...state, attempt: { ...state.attempt, replaces: generation } } : state;
function enter(state, status, owner, now) {
  const { session } = state;
  const since = session?.status === status ? session.since : now;
  const error = status === "connected" ? void 0 : session?.error;
  return {
    // Also the fields that only a newer build knows (R49a).
    ...session && without(session, "error"),
    status,
    since,
    epoch: owner.epoch,
    hostId: owner.hostId,
    ...error && { error }
  };
}

// shared/domain/session/adoption.ts
function adoptCompany(state, owner, now) {
  if (state.epoch > owner.epoch) return decision(state, "stale");
  const adopted = adoptAttempt(state, owner, now);
  const session = adopted.state.session;
  const held = session && isRetried(session) ? { ...adopted.state, session: enter(adopted.state, statusOnAdoption(session), owner, now) } : adopted.state;
  return decision({ ...held, epoch: owner.epoch }, "adopted", adopted.notices);
}
var isRetried = ({ status }) => status !== "stopped" && status !== "logged-out";
var statusOnAdoption = (session) => session.status === "connecting" ? "connecting" : "reconnecting";
function adoptAttempt(state, owner, now) {
  const { attempt } = state;
  if (!attempt || attempt.state === "requested" || attempt.owner.epoch === owner.epoch)
    return decision(state, void 0);
  if (attempt.state !== "restarting") return endAttempt(state, { code: "HOST_UNAVAILABLE" }, "failed", now);
  const moved = { ...attempt, owner, connectBy: now + attemptTimes.connectMs };
  return decision({ ...state, attempt: moved }, void 0);
}

// shared/domain/session/reset.ts
function resetCredentials(state, waiting, now) {
  const ended = endAttempt(state, { code: "PAIRING_CANCELLED" }, "cancelled", now);
  const raised = { ...ended.state, fence: ended.state.fence + 1 };
  const reset = without(retireByReset(raised, now), "session");
  const retired = reset.cleanup.length > state.cleanup.length ? reset.cleanup.at(-1) : void 0;
  const outcome = retired ? { retired: retired.generation } : {};
  const isAwaited = retired ? retired.unlink === "pending" : reset.cleanup.at(-1)?.answerBy !== void 0;
  if (isAwaited) return decision(awaitUnlink(reset, waiting, now), outcome, ended.notices);
  const nothing = {
    ...answer({ event: "credentials-reset", unlinked: "not-linked" }, waiting),
    audience: "company"
  };
  return decision(reset, outcome, [...ended.notices, nothing]);
}

// shared/dynamo/company/company-schema.ts
import * as v from "valibot";
var text = v.string();
var integer2 = v.pipe(v.number(), v.integer());
var maxEpochMs = 864e13;
var epochMs = v.pipe(integer2, v.minValue(-maxEpochMs), v.maxValue(maxEpochMs));
var optional = v.exactOptional;
var object = v.looseObject;
var word = () => v.custom((value) => typeof value === "string");
var list = (item) => v.pipe(v.array(item), v.readonly());
var Waiting = object({ connectionId: text, requestId: optional(text), isAnswered: optional(v.literal(true)) });
var Owner = object({ hostId: text, epoch: integer2 });
var Failure = object({
  code: word(),
  retryAfter: optional(v.number()),
  action: optional(word()),
  detail: optional(text)
});
var method = v.picklist(["code", "qr"]);
var common = {
  attemptId: text,
  fence: integer2,
  method,
  phone: optional(text),
  waiting: list(Waiting),
  correlationId: text,
  requestedAt: epochMs,
  deadline: epochMs,
  replaces: optional(text)
};
var owned = { ...common, owner: Owner };
var issued = {
  ...owned,
  shown: v.union([object({ code: text }), object({ qr: text })]),
  expiresAt: epochMs,
  socketUntil: epochMs
};
var Ticket = list(object({ key: text, at: v.number() }));
var Link = object({ generation: text, wrappedKey: text, phone: optional(text) });
var Attempt = v.variant("state", [
  object({ ...common, state: v.literal("requested"), ticket: optional(Ticket) }),
  object({ ...owned, state: v.literal("connecting"), awaitsSession: v.boolean() }),
  object({ ...issued, state: v.literal("code-issued") }),
  object({ ...issued, state: v.literal("phone-confirmed"), answerBy: epochMs, isLate: optional(v.literal(true)) }),
  object({ ...issued, state: v.literal("expired") }),
  object({ ...owned, state: v.literal("storing"), link: Link, connectBy: epochMs }),
  object({ ...owned, state: v.literal("restarting"), connectBy: epochMs })
]);
var AttemptOutcome = object({
  attemptId: text,
  method: optional(word()),
  state: word(),
  failure: optional(Failure),
  at: epochMs
});
var Session = object({
  status: v.picklist(sessionStatuses),
  since: epochMs,
  epoch: integer2,
  hostId: optional(text),
  error: optional(word()),
  connectedAt: optional(epochMs),
  until: optional(epochMs),
  isAlone: optional(v.literal(true)),
  fuse: optional(word()),
  refusals: optional(object({ count: integer2, firstAt: epochMs }))
});
var Unlinked = v.picklist(["pending", "confirmed", "unconfirmed", "not-linked"]);
var Retired = object({
  generation: text,
  reason: word(),
  retiredAt: epochMs,
  unlink: Unlinked,
  wrappedKey: optional(text),
  sweeps: integer2,
  waiting: optional(list(Waiting)),
  answerBy: optional(epochMs)
});
var Credentials = object({ ...Link.entries, linkedAt: epochMs });
var StoredCompany = object({
  fence: integer2,
  epoch: integer2,
  attempt: optional(Attempt),
  lastAttempt: optional(AttemptOutcome),
  credentials: optional(Credentials),
  session: optional(Session),
  cleanup: list(Retired),
  unlinked: optional(Unlinked),
  loggedOutAt: optional(epochMs)
});
var Foreign = object({ fence: v.fallback(integer2, 0), epoch: v.fallback(integer2, 0), credentials: v.unknown() });
function parseState(doc) {
  const parsed = v.safeParse(StoredCompany, doc);
  if (parsed.success) return parsed.output;
  const { fence, epoch, credentials } = v.parse(Foreign, { credentials: void 0, ...Object(doc) });
  const readable = v.safeParse(Credentials, credentials);
  return { fence, epoch, cleanup: [], foreign: true, ...readable.success && { credentials: readable.output } };
}

// shared/domain/company/view.ts
function sessionView(state, lease, staleMs, now) {
  const { session, credentials, unlinked } = state;
  const common2 = { ...credentials?.phone && { phone: credentials.phone }, ...unlinked && { unlinked } };
  if (!session) return { status: credentials ? "reconnecting" : "none", ...common2 };
  const { status, since, hostId, error, until } = session;
  const isHeld = lease?.ownerId !== void 0 && lease.epoch === session.epoch && now - lease.renewedAt < staleMs;
  const isEnded3 = status === "stopped" || status === "logged-out";
  return {
    status: isEnded3 || isHeld ? status : "reconnecting",
    since,
    ...isHeld && hostId && { hostId },
    ...error && { error },
    ...isEnded3 && until !== void 0 && { until },
    ...common2
  };
}
function attemptView(attempt) {
  const { attemptId, state, phone, deadline } = attempt;
  const isShown = "shown" in attempt && !isExpiryReported(attempt);
  return {
    attemptId,
    // Storing the credentials is not a step that the owner can see: to clients it is part of the restart.
    state: state === "storing" ? "restarting" : state,
    deadline,
    ...phone && { phone },
    ...isShown && { ...attempt.shown, expiresAt: attempt.expiresAt }
  };
}

// shared/domain/values/errors.ts
var errors = {
  INVALID_PHONE_FORMAT: {
    httpStatus: 400,
    retryable: false,
    action: "check-number",
    level: "info",
    ru: "Неверный формат номера. Укажите номер WhatsApp целиком, например +7 900 123-45-67, без добавочного",
    en: "The phone number is not valid. Give the full WhatsApp number, e.g. +7 900 123-45-67; direct WhatsApp numbers only, no extension"
  },
  INVALID_COUNTRY_CODE: {
    httpStatus: 400,
    retryable: false,
    action: "check-number",
    level: "info",
    ru: "Неизвестный код страны. Проверьте номер",
    en: "No country has this calling code. Check the number"
  },
  INVALID_PHONE: {
    httpStatus: 422,
    retryable: false,
    action: "check-number",
    level: "info",
    ru: "Номер не зарегистрирован в WhatsApp",
    en: "This number is not registered in WhatsApp"
  },
  CREDENTIALS_CONFLICT: {
    httpStatus: 409,
    retryable: true,
    action: "check-number",
    level: "info",
    ru: "Обнаружен конфликт учетных данных",
    en: "A credentials conflict was found. Check the number and try again"
  },
  RATE_LIMITED: {
    httpStatus: 429,
    retryable: true,
    action: "wait",
    level: "info",
    ru: "Слишком много попыток, подождите",
    en: "Too many attempts, please wait"
  },
  BUSY: {
    httpStatus: 503,
    retryable: true,
    action: "wait",
    level: "warn",
    ru: "Сервис занят, попробуйте через несколько секунд",
    en: "The service is busy, try again in a few seconds"
  },
  PAIRING_TIMEOUT: {
    httpStatus: 504,
    retryable: true,
    action: "retry",
    level: "info",
    ru: "WhatsApp не ответил вовремя. Попробуйте ещё раз",
    en: "WhatsApp did not answer in time. Try again"
  },
  CODE_EXPIRED: {
    httpStatus: 410,
    retryable: true,
    action: "retry",
    level: "info",
    ru: "Срок действия кода истёк. Запросите новый код",
    en: "The code has expired. Ask for a new one"
  },
  PAIRING_CANCELLED: {
    httpStatus: 409,
    retryable: true,
    action: "retry",
    level: "info",
    ru: "Подключение отменено",
    en: "The pairing was cancelled"
  },
  PAIRING_SUPERSEDED: {
    httpStatus: 409,
    retryable: true,
    action: "retry",
    level: "info",
    ru: "Запрошено новое подключение, прежний код больше не действует",
    en: "A newer request has replaced this one; its code is no longer valid"
  },
  PASSKEY_REQUIRED: {
    httpStatus: 409,
    retryable: false,
    action: "contact-support",
    level: "info",
    ru: "Аккаунт WhatsApp защищён ключом доступа, подключить его по коду нельзя. Обратитесь в поддержку",
    en: "This WhatsApp account is protected by a passkey and cannot be linked this way. Contact support"
  },
  LOGGED_OUT: {
    httpStatus: 409,
    retryable: true,
    action: "retry",
    level: "info",
    ru: "Устройство отключено в WhatsApp. Подключите номер заново",
    en: "The device was removed in WhatsApp. Link the number again"
  },
  ACCOUNT_RESTRICTED: {
    httpStatus: 409,
    retryable: false,
    action: "contact-support",
    level: "warn",
    ru: "WhatsApp ограничил этот аккаунт. Проверьте его на телефоне или обратитесь в поддержку",
    en: "WhatsApp has restricted this account. Check it on the phone, or contact support"
  },
  CLIENT_OUTDATED: {
    httpStatus: 503,
    retryable: false,
    action: "contact-support",
    level: "error",
    ru: "Подключение временно недоступно, мы уже занимаемся этим",
    en: "Linking is unavailable at the moment, we are working on it"
  },
  CLIENT_REJECTED: {
    httpStatus: 503,
    retryable: false,
    action: "contact-support",
    level: "error",
    ru: "WhatsApp отклонил запрос. Обратитесь в поддержку",
    en: "WhatsApp rejected the request. Contact support"
  },
  SESSION_REPLACED: {
    httpStatus: 409,
    retryable: true,
    action: "contact-support",
    level: "warn",
    ru: "Сессия открыта в другом месте",
    en: "The session was opened elsewhere"
  },
  WHATSAPP_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    action: "retry",
    level: "warn",
    ru: "WhatsApp временно недоступен. Подключённый номер восстановится сам, а код запросите ещё раз",
    en: "WhatsApp is unavailable at the moment. A linked number reconnects by itself; if you wait for a code, ask again"
  },
  HOST_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    action: "retry",
    level: "warn",
    ru: "Работа сервиса подключения прервалась. Подключённый номер восстановится сам, а код запросите ещё раз",
    en: "The linking service was interrupted. A linked number reconnects by itself; if you wait for a code, ask again"
  },
  STORE_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    action: "retry",
    level: "error",
    ru: "Сервис временно недоступен. Попробуйте ещё раз",
    en: "The service is unavailable at the moment. Try again"
  },
  UNAUTHORIZED: {
    httpStatus: 401,
    retryable: false,
    level: "info",
    ru: "Требуется вход: токен отсутствует, неверен или истёк",
    en: "A valid token is required: it is missing, wrong or expired"
  },
  FORBIDDEN: {
    httpStatus: 403,
    retryable: false,
    level: "info",
    ru: "Нет доступа",
    en: "This token has no access here"
  },
  BAD_REQUEST: {
    httpStatus: 400,
    retryable: false,
    level: "info",
    ru: "Неверный запрос",
    en: "Bad request"
  },
  NOT_FOUND: {
    httpStatus: 404,
    retryable: false,
    level: "info",
    ru: "Не найдено",
    en: "Not found"
  },
  INTERNAL: {
    httpStatus: 500,
    retryable: true,
    action: "contact-support",
    level: "error",
    ru: "Внутренняя ошибка. Попробуйте ещё раз или обратитесь в поддержку",
    en: "Internal error. Try again, or contact support"
  }
};
var errorSpec = (code) => Object.hasOwn(errors, code) ? errors[code] : errors.INTERNAL;
var errorCodes = Object.keys(errors);

// shared/protocol/server-messages.ts
var answer2 = (event, envelope, fields) => message(event, envelope, fields);
function statusMessage(state, lease, staleMs, envelope) {
  const session = sessionView(state, lease, staleMs, envelope.at);
  const { attempt } = state;
  return answer2("status", envelope, {
    session: session.status,
    ...session.phone && { phoneNumber: maskPhone(session.phone) },
    ...session.until !== void 0 && { until: iso(session.until) },
    ...attempt && { attempt: attemptFields(attempt, envelope.at) }
  });
}
function attemptFields(attempt, now) {
  const { phone, expiresAt, deadline, ...view } = attemptView(attempt);
  const until = "expiresAt" in attempt ? attempt.expiresAt : deadlineOf(attempt);
  return {
    ...view,
    ...phone && { phoneNumber: phone },
    ...expiresAt === void 0 && { deadline: iso(deadline) },
    ...expiry(until, now)
  };
}
function failureFields(failure, language, field) {
  const spec = errorSpec(failure.code);
  const action = failure.action ?? spec.action;
  return {
    code: failure.code,
    message: isForDevelopers(failure) && field ? `${sentence(failure, language)}: ${field}` : sentence(failure, language),
    retryable: spec.retryable,
    ...failure.retryAfter !== void 0 && { retryAfter: failure.retryAfter },
    ...action && { action },
    ...isForDevelopers(failure) && { reason: failure.detail },
    ...field && { field }
  };
}
var isForDevelopers = ({ code, detail }) => code === "BAD_REQUEST" && detail !== void 0;
function sentence(failure, language) {
  const text2 = sentencesOf(failure)[language];
  return failure.detail && !isForDevelopers(failure) ? `${text2}: ${failure.detail}` : text2;
}
var useQr = {
  ru: "WhatsApp не выдаёт код для этого аккаунта. Отсканируйте QR-код",
  en: "WhatsApp gives no code for this account. Scan the QR instead"
};
var lookAtPhone = {
  ru: "WhatsApp снова отключил устройство. Откройте WhatsApp на телефоне: если аккаунт ограничен, подождите до конца ограничения, иначе подключите номер заново",
  en: "WhatsApp has logged the device out again. Look at WhatsApp on the phone: if the account is restricted, wait until that is over, else link the number again"
};
var untilItEnds = {
  ru: "WhatsApp временно ограничил этот аккаунт. Номер подключится сам, когда ограничение закончится",
  en: "WhatsApp has restricted this account for a while. The number connects by itself when that is over"
};
function sentencesOf({ code, action }) {
  if (action === "use-qr") return useQr;
  if (action !== "wait") return errorSpec(code);
  if (code === "LOGGED_OUT") return lookAtPhone;
  return code === "ACCOUNT_RESTRICTED" ? untilItEnds : errorSpec(code);
}
function message(event, envelope, fields) {
  const { companyId, at, seq, requestId } = envelope;
  const numbered = seq !== void 0 && { seq };
  return { event, companyId, at: iso(at), ...numbered, ...requestId !== void 0 && { requestId }, ...fields };
}
var iso = (epochMs2) => new Date(epochMs2).toISOString();
var expiry = (expiresAt, now) => ({
  expiresAt: iso(expiresAt),
  expiresIn: Math.max(0, Math.ceil((expiresAt - now) / 1e3))
});

// functions/http/views.ts
function sessionBody(companyId, state, lease, viewer) {
  const view = sessionView(state, lease, viewer.staleMs, viewer.now);
  const lastError = lastErrorOf(state, view, viewer.language);
  return {
    companyId,
    session: view.status,
    phoneNumber: phoneFor(viewer.role, view.phone),
    ...view.since !== void 0 && { since: iso2(view.since) },
    ...view.until !== void 0 && { until: iso2(view.until) },
    ...view.hostId && { hostId: view.hostId },
    ...view.unlinked && { unlinked: view.unlinked },
    ...lastError && { lastError },
    attempt: state.attempt ? attemptFields(state.attempt, viewer.now) : null
  };
}
function attemptBody(state, viewer) {
  if (state.attempt) return attemptFields(state.attempt, viewer.now);
  return state.lastAttempt ? outcomeFields(state.lastAttempt, viewer.language) : null;
}
function phoneFor(role, phone) {
  if (phone === void 0) return null;
  return role === "admin" ? phone : maskPhone(phone);
}
function outcomeFields({ attemptId, state, failure, at }, language) {
  return { attemptId, state, at: iso2(at), ...failure && { error: failureFields(failure, language) } };
}
function lastErrorOf({ lastAttempt, session }, view, language) {
  if (view.error) return { ...failureFields({ code: view.error }, language), at: iso2(session?.since ?? 0) };
  if (!lastAttempt?.failure) return void 0;
  return { ...failureFields(lastAttempt.failure, language), at: iso2(lastAttempt.at) };
}
var iso2 = (epochMs2) => new Date(epochMs2).toISOString();

// socket-host/company/next-step.ts
function nextStep(state, running, host, now) {
  if (state.foreign || state.epoch > host.owner.epoch) return void 0;
  if (state.epoch < host.owner.epoch) return { do: "adopt" };
  return registrationStep(state, running, host, now) ?? sessionStep(state, running) ?? attemptStep(state, running, host, now) ?? openingStep(state, running, host, now) ?? cleanupStep(state, running, now) ?? (isOverdue(state, now) ? { do: "timeOut" } : void 0);
}
function requeueAt(state, { sweeps, session }, { owner }) {
  if (state.foreign || state.epoch > owner.epoch) return void 0;
  const idle = state.cleanup.filter(({ unlink, generation }) => unlink !== "pending" && !sweeps.has(generation));
  const due = idle.map(nextSweepAt);
  const deadline = nextDeadline(state);
  if (deadline !== void 0) due.push(deadline);
  if (isAwaitingSession(state.attempt)) due.push(state.attempt.requestedAt + attemptTimes.sessionMs);
  const loginAt = session ? void 0 : state.session && nextLoginAt(state.session);
  if (loginAt !== void 0) due.push(loginAt);
  return due.length > 0 ? Math.min(...due) : void 0;
}
var isOverdue = (state, now) => {
  const deadline = nextDeadline(state);
  return deadline !== void 0 && now >= deadline;
};
function registrationStep(state, { registration, session }, host, now) {
  if (!registration) return void 0;
  const { attempt } = state;
  const { ref, offer, failure, generation } = registration;
  if (generation !== void 0 && state.credentials?.generation === generation)
    return (registration.isClosed || attempt?.state !== "restarting") && !session ? { do: "reopenAsSession" } : void 0;
  if (!attempt || !isOwnAttempt(attempt, host) || attempt.attemptId !== ref.attemptId || attempt.fence !== ref.fence) {
    const retired = state.cleanup.find((each) => each.generation === generation);
    const mustUnlink = registration.isLinked && (!retired || retired.unlink === "pending");
    return mustUnlink ? { do: "unlinkRegistration", retired } : { do: "closeRegistration" };
  }
  if (failure) return { do: "failAttempt", ref, failure };
  if (offer && canShow(attempt, offer.shown)) return { do: "issueCode", offer };
  if (registration.answers > registration.answersReported && "shown" in attempt) return { do: "reportAnswer" };
  if (!registration.isLinked) return void 0;
  if (attempt.state !== "storing") return { do: "prepareLink" };
  return now >= deadlineOf(attempt) ? { do: "timeOut" } : { do: "commitLink" };
}
function canShow(attempt, shown) {
  if (attempt.state === "connecting") return !attempt.awaitsSession;
  return attempt.state === "code-issued" && "qr" in shown && "qr" in attempt.shown && attempt.shown.qr !== shown.qr;
}
function sessionStep(state, { session }) {
  if (!session) return void 0;
  if (session.generation !== state.credentials?.generation) {
    const retired = state.cleanup.find((each) => each.generation === session.generation && each.unlink === "pending");
    return { do: "closeSession", retired };
  }
  const { phase } = session;
  if (phase.is === "ended") return { do: "endSession", end: phase.end };
  const isReported = state.session?.status === "connected";
  if (phase.is === "open") return isReported && !isSessionAwaited(state) ? void 0 : { do: "reportConnected" };
  const code = isReported ? session.lastCode ?? "WHATSAPP_UNAVAILABLE" : newReason(state, session);
  return code && { do: "reportInterrupted", code };
}
var newReason = ({ session, attempt }, { lastCode }) => lastCode === session?.error || attempt?.state === "restarting" || isEnded2(session) ? void 0 : lastCode;
var isEnded2 = (session) => session?.status === "stopped" || session?.status === "logged-out";
var isAwaitingSession = (attempt) => attempt?.state === "connecting" && attempt.awaitsSession;
function attemptStep(state, running, host, now) {
  const { attempt } = state;
  if (!attempt || running.registration) return void 0;
  if (attempt.state === "requested") {
    if (now >= deadlineOf(attempt)) return { do: "timeOut" };
    return attempt.deadline > host.handOverAt ? void 0 : { do: "acceptAttempt", attempt };
  }
  if (!isOwnAttempt(attempt, host) || attempt.state === "restarting") return void 0;
  const { attemptId, fence, owner } = attempt;
  const ref = { attemptId, fence, owner };
  if (attempt.state !== "connecting") return { do: "failAttempt", ref, failure: { code: "WHATSAPP_UNAVAILABLE" } };
  if (!attempt.awaitsSession) return { do: "openRegistration", attempt, ref };
  const { phone } = attempt;
  const refusal = pairingRefusal(state, attempt, now);
  if (refusal) return { do: "failAttempt", ref, failure: refusal };
  if (!isLinked(state, attempt)) return { do: "restartPairing", ref, phone };
  if (now < attempt.requestedAt + attemptTimes.sessionMs) return void 0;
  return { do: "failAttempt", ref, failure: { code: "WHATSAPP_UNAVAILABLE" } };
}
var isOwnAttempt = (attempt, host) => attempt.state !== "requested" && attempt.owner.epoch === host.owner.epoch;
function openingStep(state, running, host, now) {
  if (!state.credentials || running.session || now >= host.handOverAt) return void 0;
  if (running.registration?.generation === state.credentials.generation) return void 0;
  return isTried(state.session, host, now) ? { do: "openSession" } : void 0;
}
function isTried(session, { mayTryStopped, owner }, now) {
  if (!session || !isEnded2(session)) return true;
  const mayBeMended = isSharedStop(session) || session.error === "CREDENTIALS_CONFLICT";
  if (mayBeMended && session.status === "stopped" && session.epoch < owner.epoch) return true;
  if (mayTryStopped && sharedReason(session)) return true;
  const at = isSharedStop(session) ? void 0 : nextLoginAt(session);
  return at !== void 0 && now >= at;
}
function cleanupStep(state, { unlinks, sweeps }, now) {
  for (const [generation, { result }] of unlinks) if (result) return { do: "reportUnlinked", generation, result };
  for (const retired of state.cleanup) {
    const step = retired.unlink === "pending" ? unlinkStep(retired, unlinks) : sweepStep(retired, sweeps, now);
    if (step) return step;
  }
  return void 0;
}
var unlinkStep = (retired, unlinks) => unlinks.has(retired.generation) ? void 0 : { do: "startUnlink", retired };
function sweepStep(retired, sweeps, now) {
  const sweep = sweeps.get(retired.generation);
  if (sweep) return sweep.isDone ? { do: "reportSwept", generation: retired.generation } : void 0;
  return now >= nextSweepAt(retired) ? { do: "startSweep", retired } : void 0;
}
export {
  acceptAttempt,
  adoptCompany,
  attemptBody,
  cancelPairing,
  commitLink,
  countsOf,
  endAttempt,
  failAttempt,
  happeningsOf,
  issueCode,
  nextDeadline,
  nextStep,
  parseState,
  phoneAnswered,
  prepareLink,
  rejectBusy,
  requestPairing,
  requeueAt,
  resetCredentials,
  restartPairing,
  sessionBody,
  sessionConnected,
  sessionEnded,
  sessionInterrupted,
  statusMessage,
  swept,
  timeOut,
  unlinkFinished
};
