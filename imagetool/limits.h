// Every limit on what comes from outside, with its reason.  What is read from a registry, a file or an image never
// grows beyond these, whatever its own numbers say.
#pragma once

#include <cstddef>
#include <cstdint>

namespace limits {

// ---- registry ----
inline constexpr size_t kManifest = 4 << 20;  // distribution-spec: registries need not accept larger ones
inline constexpr size_t kTokenResponse = 256 << 10;  // a JWT with many scopes is some 10 KiB
inline constexpr size_t kErrorBody = 64 << 10;       // of a refused request; only its first message is shown
inline constexpr size_t kHeader = 64 << 10;          // one response's header; servers send 1 or 2 KiB
inline constexpr size_t kUrl = 16 << 10;             // signed blob URLs are some 2 KiB
inline constexpr size_t kAuthFile = 1 << 20;         // auth.json, config.json, a helper's answer
inline constexpr size_t kCertificates =
    4 << 20;                                   // all of one certs.d directory; the system's bundle is 220 KiB
inline constexpr int kRedirects = 5;           // Docker Hub needs one, mirrors behind load balancers two
inline constexpr int kRetryAfterSeconds = 60;  // a longer Retry-After is an error that says so

// ---- bundle ----
inline constexpr size_t kUserFile = 1 << 20;        // an image's /etc/passwd, /etc/group: 10,000 users
inline constexpr size_t kSeccompProfile = 1 << 20;  // Docker's own has 16 KiB
inline constexpr size_t kStateDocument = 16 << 20;  // what a runtime writes to a hook: state with the annotations

// ---- store ----
inline constexpr size_t kImageConfig = 8 << 20;  // containerd's limit; labels and history of large images reach 100 KiB
inline constexpr size_t kIndex = 16 << 20;       // index.json of a store or layout: some 40,000 names
inline constexpr size_t kLease = 1 << 20;        // 10,000 layers
inline constexpr int kIndexDepth = 4;            // an index of indexes of indexes; nobody has made two levels yet

}  // namespace limits
