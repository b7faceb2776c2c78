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
inline constexpr size_t kStateDocument =
    16 << 20;  // what a runtime writes to a hook: state with the annotations

// ---- store ----
inline constexpr size_t kImageConfig =
    8 << 20;  // containerd's limit; labels and history of large images reach 100 KiB
inline constexpr size_t kIndex = 16 << 20;  // index.json of a store or layout: some 40,000 names
inline constexpr size_t kLease = 1 << 20;   // 10,000 layers
inline constexpr int kIndexDepth = 4;       // an index of indexes of indexes; nobody has made two levels yet

inline constexpr size_t kLayers = 500;  // of one image: the most that overlayfs stacks; docker takes 127

// ---- layers ----
inline constexpr uint64_t kLayer = uint64_t{1}
                                   << 40;  // unpacked; the largest we know of (models) have 0.1 TiB
// Bombs.  What fills the disk is counted without the zeros (layers/zeros.h), for those become holes; all together is
// what keeps the machine busy.  So much may come out of a layer whatever its ratio, and beyond that no more than so many
// times what went in: real layers reach 20, deflate's best is 1032, and zstd packs anything repeated 30,000 times.
inline constexpr uint64_t kFreeContent = uint64_t{1} << 30;
inline constexpr uint32_t kRatio = 200;  // --max-ratio
inline constexpr uint64_t kFreeBytes = uint64_t{16} << 30;
inline constexpr uint32_t kRatioOfAll = 1100;
inline constexpr size_t kGzipHeader = 256 << 10;  // of one member: 64 KiB of extra field, a name, a comment
inline constexpr int kZstdWindowLog = 27;  // what `zstd` writes and reads without special options: 128 MiB
inline constexpr uint64_t kEntries = 16 << 20;  // of one layer; a large node_modules has 0.2 million
inline constexpr uint64_t kBehindArchive = 64
                                           << 20;  // zeros that fill the last record: `tar -b 2048` has 1 MiB
inline constexpr size_t kTarName = 4095;           // PATH_MAX without its NUL: longer ones cannot be opened
inline constexpr size_t kTarExtension = 1 << 20;   // a pax header; Go's archive/tar has the same limit
inline constexpr size_t kAttributes = 1024;        // of one entry; ext4 has room for 4 KiB of them
inline constexpr size_t kSparseMap = 1 << 20;      // pieces of one sparse file: 16 MiB of memory
inline constexpr uint64_t kFile =
    uint64_t{8} << 40;  // one file, holes included: lastlog with the largest uid has 1.2 TiB
// Directories in one path, links followed.  Looking a path up costs the cube of this (each lookup goes down to it, and
// Landlock comes back up); copying and removing hold a descriptor for each.  The deepest node_modules have 100.
inline constexpr ptrdiff_t kTreeDepth = 512;

}  // namespace limits
