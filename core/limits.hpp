// Nearly every limit of the process, in one place; those of one file alone stand there. Each is
// checked before the memory it bounds is allocated.
#pragma once

#include <chrono>
#include <cstddef>

namespace usher::limits {

// SIP messages
inline constexpr std::size_t kMessageBytes = 65535;  // a datagram's own limit; the same for streams
// RFC 3261 §18.1.1: a larger request goes by TCP.
inline constexpr std::size_t kDatagramRequestBytes = 1300;
inline constexpr std::size_t kHeaderCount = 256;    // header fields of one message
inline constexpr std::size_t kHeaderBytes = 16384;  // one header field's value
inline constexpr std::size_t kUriBytes = 4096;      // a Request-URI
inline constexpr std::size_t kParameterCount = 64;  // parameters of one header value or URI
inline constexpr std::size_t kListEntries =
    64;                                         // comma-separated values taken from one header name
inline constexpr std::size_t kSdpRead = 16384;  // an SDP body that is looked into
inline constexpr std::size_t kDialogInfoBytes = 32768;  // an XML body that is looked into
inline constexpr std::size_t kContactUserToken = 10;    // characters of a Contact token
inline constexpr std::size_t kContactUriBytes = 128;    // the Contact URI given to a backend

// State
inline constexpr std::size_t kTransactions = 400'000;
inline constexpr std::size_t kCalls = 50'000;
inline constexpr std::size_t kRelays = 100'000;
inline constexpr std::size_t kSubscriptions = 200'000;
inline constexpr std::size_t kSubscriptionsPerDialog = 16;
// Longer ones are refreshed within it, or forgotten.
inline constexpr std::chrono::hours kSubscriptionLifetime{30 * 24};
inline constexpr std::size_t kBindings = 1'000'000;
inline constexpr std::size_t kBindingsPerAor = 10;
inline constexpr std::size_t kAttemptsPerRequest = 8;
inline constexpr std::size_t kForksPerAttempt =
    16;  // dialogs of one INVITE of ours beyond the first
inline constexpr std::size_t kRouteSetEntries = 16;
// For how long a 503's Retry-After keeps its target from being chosen (RFC 3261 §21.5.4), at most.
inline constexpr std::chrono::minutes kRetryAfter{5};

// Maintenance windows of one target, and how long one may be.
inline constexpr std::size_t kMaintenances = 8;
inline constexpr std::chrono::hours kMaintenance{7 * 24};

// The gate. Each table forgets what was asked for longest ago when it is full, so that a million
// spoofed sources cost this much and no more.
inline constexpr std::size_t kBuckets = 100'000;   // token buckets
inline constexpr std::size_t kOffenders = 50'000;  // addresses, and users at addresses
inline constexpr std::size_t kNonces = 100'000;    // challenges that were passed on
inline constexpr std::size_t kBans = 50'000;
inline constexpr std::size_t kTrustedNetworks = 64;

// Sockets
inline constexpr std::size_t kConnections = 20'000;           // accepted ones
inline constexpr std::size_t kConnectionsWithKnown = 22'000;  // when one more is of a known peer
inline constexpr std::size_t kOwnConnections = 2'000;         // made by us
inline constexpr std::size_t kConnectionsPerSource = 2'000;
// Connections that have not carried one whole message yet. Beyond it the oldest makes room, so that
// whoever speaks at once gets in while others only hold the door.
inline constexpr std::size_t kSilentConnections = 4'000;
inline constexpr std::size_t kSilentPerSource = 64;
inline constexpr std::chrono::seconds kFirstMessage{20};  // handshakes included
inline constexpr std::chrono::seconds kMessageTime{20};   // from its first byte to its last
// Unsent bytes, with what keeping them costs: of one stream; of all together, beyond which a stream
// that has any takes no more.
inline constexpr std::size_t kConnectionQueueBytes = 1 << 20;
inline constexpr std::size_t kUnsentBytes = 256 << 20;
inline constexpr std::size_t kBatch = 64;  // datagrams per system call and per wake-up

inline constexpr std::size_t kDatagramQueue = 16'384;       // unsent datagrams of one listener
inline constexpr std::chrono::seconds kConnectTimeout{4};   // of an outgoing connection
inline constexpr std::chrono::minutes kConnectionIdle{10};  // without a byte in either direction

// The flight recorder
inline constexpr std::size_t kRecorderLeast = 1 << 20;  // bytes of its memory
inline constexpr std::size_t kRecorderMost = std::size_t{4} << 30;
inline constexpr std::size_t kRecordedBytes = 16'384;  // of one message; the rest is cut off
inline constexpr std::size_t kRecords = 2'000;         // found at a time
inline constexpr std::size_t kRecordBytes = 2 << 20;   // of their texts

// Mirroring to a capture server
inline constexpr std::size_t kHepBytes = 65'507;       // a packet: what UDP over IPv4 has room for
inline constexpr std::size_t kCorrelations = 200'000;  // Call-IDs of what is no live call

// Names of targets
inline constexpr std::size_t kPlacesPerName = 16;        // endpoints that one name may stand for
inline constexpr std::chrono::seconds kNameTtlLeast{5};  // how soon a name is asked for again
inline constexpr std::chrono::hours kNameTtlMost{1};     // and how late
// After a question without an answer; doubled with each further one.
inline constexpr std::chrono::seconds kNameRetry{5};
inline constexpr std::chrono::seconds kNameRetryMost{60};

// Files
inline constexpr std::size_t kConfigBytes = 1 << 20;

// Storage and administration
inline constexpr std::size_t kStoreQueue = 200'000;      // changes waiting for the writer
inline constexpr std::size_t kDoorKnocks = 10'000;       // kept, newest first
inline constexpr std::size_t kAuditEntries = 10'000;     // kept, newest first
inline constexpr std::size_t kAuditBytes = 4096;         // of a record before and after a change
inline constexpr std::size_t kCallRecords = 10'000'000;  // of ended calls, kept: the newest
inline constexpr std::size_t kPrunedRecords = 1'000;     // forgotten at a time
inline constexpr std::size_t kRecordTextBytes = 256;     // of a URI, a Call-ID, a cause
inline constexpr std::size_t kRecordsPerLook = 50'000;   // rows that one page may walk over
inline constexpr std::size_t kStoreReads = 100;          // that wait for their turn
inline constexpr std::size_t kBackups = 20;              // of the store, made over REST
// A backup that takes longer is answered before it is whole.
inline constexpr std::chrono::seconds kBackupAnswer{5};
// What a backup leaves free on its disk, for the store beside it.
inline constexpr std::size_t kBackupSpare = 16 << 20;
inline constexpr std::size_t kChallengedCalls = 10'000;  // waiting for the INVITE that goes on
inline constexpr std::size_t kEvents = 10'000;           // kept, newest first
inline constexpr std::size_t kHttpStreams = 64;  // open streams: of events, of a backup's file
inline constexpr std::size_t kScannerPatterns = 1'000;
inline constexpr std::size_t kDomains = 100'000;
inline constexpr std::size_t kTargetsPerSet = 256;
// Of each target's health, the newest: changes, probes, requests that it did not serve.
inline constexpr std::size_t kTargetChanges = 50;
inline constexpr std::size_t kTargetProbes = 100;
inline constexpr std::size_t kTargetFailures = 50;
inline constexpr std::size_t kTargetReasonBytes = 200;
inline constexpr std::size_t kRequestsPerLook = 5'000;  // of the recorder, that one page looks at
inline constexpr std::size_t kHttpBodyBytes = 1 << 20;
inline constexpr std::size_t kHttpHeaderBytes = 16384;
inline constexpr std::size_t kHttpConnections = 256;
inline constexpr std::size_t kPageSize = 1000;
inline constexpr std::chrono::seconds kHttpTimeout{15};
inline constexpr std::chrono::seconds kHttpStreamIdle{15};
inline constexpr std::chrono::minutes kWebhookWait{5};  // between two tries, at most

}  // namespace usher::limits
