#include "imagetool/layers/tar.h"

#include <algorithm>
#include <optional>

#include "imagetool/layers/pax.h"
#include "imagetool/layers/sparse_map.h"
#include "imagetool/layers/tar_header.h"
#include "imagetool/limits.h"
#include "spec/base/text.h"

namespace tar {

namespace {

constexpr size_t kShownName = 200;  // of a name in a message

uint64_t padded(uint64_t size) { return (size + kBlock - 1) / kBlock * kBlock; }

// A field of the header, unless the pax header has spoken.
Result<uint64_t> either(const std::optional<uint64_t>& pax, std::optional<int64_t> header,
                        std::string_view what) {
  if (pax) return *pax;
  return unsigned_field(header, what);
}

Result<> check_name(std::string_view name, std::string_view what) {
  if (name.empty()) return Error(Kind::invalid, str::cat("tar header: the ", what, " is empty"));
  if (name.size() > limits::kTarName)
    return Error(Kind::invalid, str::cat("tar header: the ", what, " '", str::printable(name.substr(0, 60)),
                                         "…' is longer than ", limits::kTarName, " bytes"));
  return {};
}

}  // namespace

class Reader::State {
 public:
  State(Handler& handler, uint64_t most_entries) : handler_(handler), most_entries_(most_entries) {}

  Result<> write(std::string_view bytes) {
    while (!bytes.empty() && step_ != Step::ended) {
      const size_t before = bytes.size();
      TRY(step(bytes));
      assert(bytes.size() < before);
    }
    behind_ += bytes.size();
    if (behind_ <= limits::kBehindArchive) return {};
    return Error(Kind::invalid, str::cat("the archive goes on for more than ", limits::kBehindArchive,
                                         " bytes behind its end: it is made to keep us busy"));
  }

  Result<> finish() {
    if (step_ == Step::ended) return {};
    if (step_ == Step::zero_block) return {};  // one end mark of two, and nothing behind it
    if (step_ != Step::header || !block_.empty())
      return Error(Kind::invalid, str::cat("the archive ends in the middle",
                                           in_entry() ? str::cat(" of ", shown_name()) : ""));
    if (extended_) return Error(Kind::invalid, "the archive ends behind an extended header");
    return {};
  }

 private:
  enum class Step {
    header,
    zero_block,   // the first end mark has been seen
    extension,    // the content of x, g, L, K
    sparse_more,  // the pieces of an 'S' header go on
    sparse_map,   // the content begins with the map
    content,
    skip,  // padding, volume labels
    ended,
  };

  Result<> step(std::string_view& bytes) {
    switch (step_) {
      case Step::header:
      case Step::zero_block:
      case Step::sparse_more:
      case Step::sparse_map:
        return with_block(bytes);
      case Step::extension:
        return collect(bytes);
      case Step::content:
        return content(bytes);
      case Step::skip:
        skip(bytes);
        return {};
      case Step::ended:
        break;
    }
    return {};
  }

  [[nodiscard]] std::string shown_name() const {
    return str::cat("'", str::shortened(entry_.name, kShownName), "'");
  }

  [[nodiscard]] bool in_entry() const {
    return step_ == Step::content || step_ == Step::sparse_map || step_ == Step::sparse_more;
  }

  // An error says which entry it is about; its name is made fit to print only then.
  [[nodiscard]] Result<> named(Result<> done) const {
    if (done.ok()) return done;
    return std::move(done).within(shown_name());
  }

  // Whole blocks are used where they lie; one that is cut by the end of the buffer is put together in block_.
  Result<> with_block(std::string_view& bytes) {
    const size_t missing = kBlock - block_.size();
    const std::string_view part = bytes.substr(0, missing);
    bytes.remove_prefix(part.size());
    if (block_.empty() && part.size() == kBlock) return block(part.data());
    block_.append(part);
    if (block_.size() < kBlock) return {};
    Result<> done = block(block_.data());
    block_.clear();
    return done;
  }

  Result<> block(const char* data) {
    if (step_ == Step::sparse_more) return more_pieces({data, kBlock});
    if (step_ == Step::sparse_map) return map_block({data, kBlock});
    const Header header(data);
    if (header.zero()) {
      if (extended_) return Error(Kind::invalid, "the archive ends behind an extended header");
      step_ = step_ == Step::zero_block ? Step::ended : Step::zero_block;
      return {};
    }
    if (step_ == Step::zero_block)
      return Error(Kind::invalid, "the archive goes on behind a single zero block");
    if (!header.checksum_holds())
      return Error(Kind::invalid,
                   "tar header: the checksum does not hold; this is not a tar archive, or a damaged one");
    return read(header);
  }

  Result<> read(const Header& header) {
    switch (header.type()) {
      case 'x':
      case 'g':
      case 'L':
      case 'K':
        return begin_extension(header);
      case 'V': {
        const uint64_t size = TRY(unsigned_field(header.size(), "size"));
        return skip_then_header(padded(size));
      }
      default:
        break;
    }
    return begin_entry(header);
  }

  // ---- extensions ----

  Result<> begin_extension(const Header& header) {
    left_ = TRY(unsigned_field(header.size(), "size"));
    if (left_ > limits::kTarExtension)
      return Error(Kind::invalid, str::cat("tar header: an extended header of ", left_,
                                           " bytes is larger than ", limits::kTarExtension));
    extension_ = header.type();
    padding_ = padded(left_) - left_;
    collected_.clear();
    step_ = Step::extension;
    extended_ = extended_ || extension_ != 'g';
    return left_ == 0 ? use_extension() : Result<>();
  }

  Result<> collect(std::string_view& bytes) {
    const std::string_view part = bytes.substr(0, left_);
    collected_.append(part);
    bytes.remove_prefix(part.size());
    left_ -= part.size();
    return left_ == 0 ? use_extension() : Result<>();
  }

  Result<> use_extension() {
    switch (extension_) {
      case 'g':
        TRY(read_pax(collected_, global_));
        if (!extended_) pax_ = global_;
        break;
      case 'x':
        pax_ = global_;
        TRY(read_pax(collected_, pax_));
        break;
      default: {
        const std::string text = collected_.substr(0, collected_.find('\0'));
        (extension_ == 'L' ? long_name_ : long_link_) = text;
      }
    }
    return skip_then_header(padding_);
  }

  // ---- entries ----

  Result<> begin_entry(const Header& header) {
    if (++entries_ > most_entries_)
      return Error(Kind::invalid, str::cat("the archive has more than ", most_entries_, " entries"));
    entry_.name = long_name_ ? *long_name_ : pax_.path ? *pax_.path : header.name();
    const bool regular = header.type() == '0' || header.type() == '\0' || header.type() == '7';
    pax_sparse_ = regular && pax_.sparse;
    if (pax_sparse_ && pax_.sparse_name) entry_.name = *pax_.sparse_name;
    TRY(check_name(entry_.name, "name"));
    return named(fill(header));
  }

  Result<> fill(const Header& header) {
    entry_.type = TRY(type_of(header.type(), entry_.name));
    entry_.link.clear();
    if (entry_.type == Type::hard_link || entry_.type == Type::symlink) {
      entry_.link = long_link_ ? *long_link_ : pax_.link ? *pax_.link : std::string(header.link());
      TRY(check_name(entry_.link, "link's target"));
    }
    const uint64_t mode = TRY(unsigned_field(header.mode(), "mode"));
    entry_.mode = static_cast<uint32_t>(mode & 07777);
    entry_.uid = TRY(either(pax_.uid, header.uid(), "owner"));
    entry_.gid = TRY(either(pax_.gid, header.gid(), "group"));
    TRY(fill_time(header));
    TRY(fill_device(header));
    entry_.attributes = pax_.attributes;
    left_ = 0;
    if (entry_.type == Type::file) left_ = TRY(either(pax_.size, header.size(), "size"));
    return start(header);
  }

  Result<> fill_time(const Header& header) {
    if (pax_.mtime) {
      entry_.mtime = *pax_.mtime;
      return {};
    }
    const std::optional<int64_t> seconds = header.mtime();
    if (!seconds) return Error(Kind::invalid, "tar header: the time is not a number");
    entry_.mtime = {static_cast<time_t>(*seconds), 0};
    return {};
  }

  Result<> fill_device(const Header& header) {
    entry_.major = entry_.minor = 0;
    if (entry_.type != Type::char_device && entry_.type != Type::block_device) return {};
    const uint64_t major = TRY(unsigned_field(header.major(), "device number"));
    const uint64_t minor = TRY(unsigned_field(header.minor(), "device number"));
    if (major >= 1 << 12 || minor >= 1 << 20)
      return Error(Kind::invalid, str::cat("tar header: the device number ", major, ":", minor,
                                           " is larger than 4095:1048575"));
    entry_.major = static_cast<uint32_t>(major);
    entry_.minor = static_cast<uint32_t>(minor);
    return {};
  }

  // What kind of content follows.
  Result<> start(const Header& header) {
    padding_ = padded(left_) - left_;
    map_ = SparseMap();
    entry_.size = left_;
    if (header.type() == 'S') {
      entry_.size = TRY(unsigned_field(header.sparse_size(), "size"));
      sparse_ = true;
      TRY(map_.add_table(header.sparse_pieces()));
      step_ = Step::sparse_more;
      return header.sparse_extended() ? Result<>() : start_content();
    }
    sparse_ = pax_sparse_;
    if (!pax_sparse_) {
      if (left_ > 0) map_.set({{0, left_}});
      return start_content();
    }
    if (!pax_.sparse_size) return Error(Kind::invalid, "pax header: a sparse file without its size");
    entry_.size = *pax_.sparse_size;
    if (pax_.map_in_content()) {
      step_ = Step::sparse_map;
      return {};
    }
    const bool old_form = pax_.sparse_major.value_or(0) == 0 && pax_.sparse_minor.value_or(0) <= 1;
    if (!old_form)
      return Error(Kind::unsupported,
                   str::cat("pax header: sparse files of the form ", pax_.sparse_major.value_or(0), ".",
                            pax_.sparse_minor.value_or(0), " are not known"));
    map_.set(pax_.sparse_map);
    return start_content();
  }

  Result<> start_content() {
    if (entry_.size > limits::kFile)
      return Error(Kind::invalid, str::cat("is larger than ", limits::kFile, " bytes"));
    if (sparse_) TRY(map_.check(entry_.size, left_));
    // Everything the next entry must not inherit.
    if (extended_) {
      pax_ = global_;
      long_name_.reset();
      long_link_.reset();
      extended_ = false;
    }
    piece_ = 0;
    done_ = 0;
    TRY(handler_.entry(entry_));
    if (entry_.type != Type::file) return skip_then_header(0);
    if (left_ == 0) return end_content();
    step_ = Step::content;
    return {};
  }

  Result<> content(std::string_view& bytes) {
    while (!bytes.empty() && left_ > 0) {
      const Piece& piece = map_.pieces()[piece_];
      if (done_ == piece.size) {
        ++piece_;
        done_ = 0;
        continue;
      }
      const std::string_view part = bytes.substr(0, piece.size - done_);
      TRY(named(handler_.data(piece.offset + done_, part)));
      done_ += part.size();
      left_ -= part.size();
      bytes.remove_prefix(part.size());
    }
    if (left_ > 0) return {};
    return named(end_content());
  }

  Result<> end_content() {
    TRY(handler_.end());
    return skip_then_header(padding_);
  }

  Result<> skip_then_header(uint64_t size) {
    left_ = size;
    step_ = left_ > 0 ? Step::skip : Step::header;
    return {};
  }

  void skip(std::string_view& bytes) {
    const std::string_view part = bytes.substr(0, left_);
    bytes.remove_prefix(part.size());
    left_ -= part.size();
    if (left_ == 0) step_ = Step::header;
  }

  // ---- sparse files ----

  Result<> more_pieces(std::string_view block) {
    TRY(named(map_.add_table(block.substr(0, 21 * 24))));
    if (block[504] != 0) return {};
    return named(start_content());
  }

  Result<> map_block(std::string_view block) {
    if (left_ < kBlock)
      return Error(Kind::invalid, str::cat(shown_name(), ": the sparse map is longer than the content"));
    left_ -= kBlock;
    const bool complete = TRY(map_.add_text(block).within(shown_name()));
    return complete ? named(start_content()) : Result<>();
  }

  Handler& handler_;
  const uint64_t most_entries_;
  Step step_ = Step::header;
  std::string block_;  // the beginning of a block that is not complete yet
  Entry entry_;
  uint64_t entries_ = 0;
  uint64_t left_ = 0;     // bytes of the current step
  uint64_t padding_ = 0;  // behind them
  uint64_t behind_ = 0;   // bytes behind the archive's end

  Pax global_, pax_;
  std::optional<std::string> long_name_, long_link_;
  bool extended_ = false;  // x, L or K wait for their entry
  char extension_ = 0;
  std::string collected_;

  bool sparse_ = false, pax_sparse_ = false;
  SparseMap map_;
  size_t piece_ = 0;  // the current one, and how much of it is done
  uint64_t done_ = 0;
};

Reader::Reader(Handler& handler, uint64_t most_entries)
    : state_(std::make_unique<State>(handler, most_entries)) {}
Reader::~Reader() = default;
Result<> Reader::write(std::string_view bytes) { return state_->write(bytes); }
Result<> Reader::finish() { return state_->finish(); }

}  // namespace tar
