// The store: what was verified, on disk.  Everything left of it is untrusted, everything right of it is not.
//
//   DIR/oci-layout, index.json, blobs/    a plain OCI image layout: skopeo and umoci read it, and write beside us
//   DIR/layers/<chain id>/                unpacked layers in overlayfs's form, once for all images that share them
//   DIR/leases/, bundles/                 who uses what (leases.h); the bundles of `imagetool run`
//   DIR/staging/<boot id>/{blobs,layers}  verified, but perhaps only in the page cache yet; of an older boot only blobs are
//                                         of use, as what partial/ holds: to be hashed again
//   DIR/partial/                          blobs that are arriving, or were when somebody was interrupted (partial.h)
//   DIR/tmp/                              half-made things and locks
//
// The invariant: what has its name in blobs/ or layers/ is whole, verified and on the disk.  Layers arrive in partial/,
// documents in an unnamed temporary file; commit() moves them into staging/, whose name holds the id of this boot, so
// after a power failure nothing there is trusted.  settle() makes an
// image's parts durable with one syncfs(2) and moves them to their names.  index.json is replaced by rename.
//
// Locks are flock(2) on files that stay: DIR/lock is shared by whoever uses the store and exclusive for gc's sweep;
// one lock per blob and per layer makes the second of two pulls wait for the first instead of doing its work again.
// A holder of such a part lock never waits for another one, so there is no order to keep.
//
// The directory is 0700: a set-user-id program in an old image's layer must not be reachable by other users
// (CVE-2021-41091, CVE-2024-25621).  A runtime opens the layers by descriptor before it enters a user namespace.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "imagetool/layers/sink.h"
#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/digest.h"
#include "spec/image.h"

class Store {
 public:
  // A document on its way in; layers go by Partial.  Bytes that were written and never committed leave nothing behind.
  class Writer final : public Sink {
   public:
    Result<> write(std::string_view bytes) override;
    // Names what was written.  Precondition: a Verifier in front has seen all of it and found `digest`.
    // That it is there already is no error.
    Result<> commit(const oci::Digest& digest);

    Writer(Writer&& other) noexcept;
    ~Writer() override;

   private:
    friend class Store;
    Writer(const Store& store, UniqueFd file, std::string name);
    Fd tmp_, staged_;
    UniqueFd file_;
    std::string name_;  // in tmp/, where the file system has no O_TMPFILE; else empty
  };

  // Opens `dir`, and makes it (0700) where it is missing.  Kind::denied with the way out where that is not allowed;
  // Kind::invalid if it is something else: a directory with other things in it, a layout of another version.
  static Result<Store> open(std::string_view dir);

  // Absolute.
  [[nodiscard]] const std::string& dir() const { return dir_; }
  [[nodiscard]] std::string bundles_dir() const { return dir_ + "/bundles"; }
  [[nodiscard]] Fd root() const { return root_; }
  [[nodiscard]] Fd leases() const { return leases_; }
  // For Partial.
  [[nodiscard]] Fd partials() const { return partials_; }
  [[nodiscard]] Fd staged_blobs() const { return staged_blobs_; }
  [[nodiscard]] const std::string& boot_id() const { return boot_; }

  // ---- locks; closing the descriptor lets go ----
  // A file in DIR, to be locked.  Errors say what about the store is in the way.
  [[nodiscard]] Result<UniqueFd> open_lock(const char* name) const;
  // Nothing is swept while this is held: take it before looking up what is going to be used.  Kind::conflict, with the
  // process in the way, when a sweep has not ended after a minute.
  [[nodiscard]] Result<UniqueFd> share() const;
  // Alone in the store, for a sweep.  Kind::conflict when others still use it after `wait_ms` milliseconds; it
  // names them.
  [[nodiscard]] Result<UniqueFd> exclude(int wait_ms) const;
  enum class Part { blob, layer };
  // The right to make a part: a blob by its digest, a layer by its chain id.  Precondition: share() is held.
  // An invalid descriptor: somebody else has it now.
  [[nodiscard]] Result<UniqueFd> try_part(Part part, const oci::Digest& digest) const;
  // What an earlier boot had staged of this blob becomes its partial file, unless there is one: it may have lost bytes.
  // Precondition: the caller has the blob's lock.
  void take_back(const oci::Digest& blob) const;
  // Who has it, for messages: "process 123 (imagetool)".  Precondition: try_part() has just not got it.
  [[nodiscard]] std::string part_holder(Part part, const oci::Digest& digest) const;

  // ---- blobs ----
  // Whether the blob is there, settled or staged in this boot.  A file of another size counts as absent.
  [[nodiscard]] bool has(const oci::Descriptor& blob) const;
  [[nodiscard]] Result<Writer> begin() const;
  // Kind::not_found if it is not there.
  [[nodiscard]] Result<UniqueFd> open_blob(const oci::Digest& digest) const;
  // A whole document of at most `limit` bytes, its digest checked again: the disk is not the network, but cheap to check.
  [[nodiscard]] Result<std::string> read_blob(const oci::Descriptor& blob, uint64_t limit) const;

  // ---- layers ----
  // Whether the unpacked layer is there, settled or staged in this boot.
  [[nodiscard]] bool has_layer(const oci::Digest& chain_id) const;
  // The absolute directory of an unpacked layer that is settled; empty if it is not.
  [[nodiscard]] std::string layer_dir(const oci::Digest& chain_id) const;
  // The unpacked layer's directory, settled or staged, open.  Kind::not_found.
  [[nodiscard]] Result<UniqueFd> open_layer(const oci::Digest& chain_id) const;
  // A new empty directory for a layer to be unpacked into; commit_layer() or drop_layer() follows.
  struct Unpacking {
    std::string name;  // in tmp/
    UniqueFd dir;
  };
  [[nodiscard]] Result<Unpacking> begin_layer() const;
  // Precondition: its diff_id held.  That it is there already is no error.
  Result<> commit_layer(const Unpacking& layer, const oci::Digest& chain_id) const;
  void drop_layer(const std::string& name) const;

  // Puts these on the disk and gives them their names.  Parts that are settled already cost nothing.
  Result<> settle(const std::vector<oci::Digest>& blobs, const std::vector<oci::Digest>& chain_ids) const;

 private:
  Store() = default;
  Result<> open_parts(const std::string& name);
  [[nodiscard]] Result<UniqueFd> part_lock(Part part, const oci::Digest& digest) const;
  [[nodiscard]] Error busy(Error error, Fd lock) const;
  [[nodiscard]] Result<> sync_names() const;
  std::string dir_, boot_;
  UniqueFd root_, blobs_, layers_, leases_, partials_, tmp_, staged_blobs_, staged_layers_;
};
