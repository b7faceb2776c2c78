// runtime list: the containers of this state root, as runc lists them, then how and when they ended and their image.
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/cmd/commands.h"
#include "runtime/life/state_dir.h"
#include "runtime/life/status.h"
#include "spec/base/clock.h"
#include "spec/base/log.h"

namespace {

enum class Form { table, json };
constexpr names::Table<Form> kForms[] = {{Form::table, "table"}, {Form::json, "json"}};

struct ListArgs {
  Form form = Form::table;
  bool quiet = false, running = false, all = false;
  std::vector<std::string> filters;
};

constexpr cli::Row<ListArgs> list_options[] = {
    cli::choice<&ListArgs::form, kForms>('f', "format", "table|json", "how to print them (table)"),
    cli::flag<&ListArgs::quiet>('q', "quiet", "ids only"),
    cli::flag<&ListArgs::running>(0, "running", "only those that run (or are paused)"),
    cli::flag<&ListArgs::all>('a', "all", "stopped ones too, which is the default"),
    cli::option<&ListArgs::filters>(
        0, "filter", "KEY=VALUE",
        "only those that match; keys: status, id (or name), image (both with * and ?), "
        "exited; may be repeated: one value of each key has to match"),
};

struct Container {
  const oci::State& state;
  oci::Status status;
};

std::string image_of(const oci::State& state) {
  const auto found = state.annotations.find("org.opencontainers.image.ref.name");
  return found == state.annotations.end() ? "" : found->second;
}

bool matches_glob(const std::string& pattern, const std::string& text) {
  return ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

constexpr names::Table<bool (*)(const Container&, const std::string&)> kKeys[] = {
    {[](const Container& c, const std::string& value) { return oci::text(c.status) == value; }, "status"},
    {[](const Container& c, const std::string& value) { return matches_glob(value, c.state.id); }, "id"},
    {[](const Container& c, const std::string& value) { return matches_glob(value, c.state.id); }, "name"},
    {[](const Container& c, const std::string& value) { return matches_glob(value, image_of(c.state)); },
     "image"},
    {[](const Container& c, const std::string& value) {
       return c.state.exit && str::number<int>(value) == c.state.exit->code;
     },
     "exited"},
};

struct Filter {
  std::string key, value;
};

Result<std::vector<Filter>> parse_filters(const std::vector<std::string>& texts) {
  std::vector<Filter> filters;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos)
      return Error(Kind::invalid,
                   str::cat("filter '", str::printable(text), "' is not of the form KEY=VALUE"));
    Filter filter{text.substr(0, equals), text.substr(equals + 1)};
    if (!names::value(kKeys, filter.key))
      return Error(Kind::invalid, str::cat("filter '", str::printable(text),
                                           "': there are status, id, name, image and exited"));
    if (filter.key == "exited" && !str::number<int>(filter.value))
      return Error(Kind::invalid, str::cat("filter '", str::printable(text), "': an exit code is a number"));
    filters.push_back(std::move(filter));
  }
  return filters;
}

// One value of each key that is asked for.
bool passes(const Container& container, const std::vector<Filter>& filters) {
  return std::all_of(filters.begin(), filters.end(), [&](const Filter& asked) {
    return std::any_of(filters.begin(), filters.end(), [&](const Filter& other) {
      return other.key == asked.key && (*names::value(kKeys, other.key))(container, other.value);
    });
  });
}

// Calls `show` for each that is there, in the order of their names.  One after the other: of a thousand containers, only
// what is printed is kept.
template <class Show>
Result<> for_each(const Runtime& rt, Show show) {
  const std::vector<std::string> ids = TRY(state_dirs::list(rt.root));
  if (ids.empty()) return {};
  const UniqueFd root = TRY(state_dirs::open_root(rt.root));
  for (const std::string& id : ids) {
    auto state = state_dirs::peek(root, id);
    if (state.ok()) {
      show(Container{state.value(), status::of(state.value())});
    } else if (state.error().kind != Kind::not_found) {  // half made, or deleted just now
      logs::warn(state.error().message, "; not listed");
    }
  }
  return {};
}

constexpr size_t kColumns = 9;

// Columns as Go's tabwriter sets them for runc: at least 12 wide, 3 blanks between, the last one as it is.  The cells of a
// thousand containers stand in one text.
class Table {
 public:
  Table() { widths_.fill(12); }

  void add_row(const std::array<std::string_view, kColumns>& cells) {
    for (size_t i = 0; i < kColumns; ++i) {
      widths_[i] = std::max(widths_[i], cells[i].size() + 3);
      text_.append(cells[i]);
      ends_.push_back(text_.size());
    }
  }

  void print(cli::Out& out) const {
    std::string line;
    size_t start = 0;
    for (size_t i = 0; i < ends_.size(); ++i) {
      const std::string_view cell = std::string_view(text_).substr(start, ends_[i] - start);
      start = ends_[i];
      const size_t column = i % kColumns;
      line.append(cell);
      if (column + 1 < kColumns) {
        line.append(widths_[column] - cell.size(), ' ');
        continue;
      }
      out.line(line);
      line.clear();
    }
  }

 private:
  std::array<size_t, kColumns> widths_;
  std::string text_;
  std::vector<size_t> ends_;
};

void add_row(Table& table, const Container& c, clocks::Stamp now) {
  const oci::State& s = c.state;
  std::string ended = "-";
  if (s.exit) {
    const auto stamp = clocks::parse(s.exit->ended);
    ended = stamp ? clocks::ago(*stamp, now) : s.exit->ended;
  }
  const std::string pid = str::cat(c.status == oci::Status::stopped ? 0 : s.pid);
  const std::string exit = s.exit ? str::cat(s.exit->code) : "-";
  const std::string bundle = str::printable(s.bundle), owner = str::printable(s.owner);
  const std::string image =
      str::printable(image_of(s));  // it came with the image: not to be trusted on a terminal
  table.add_row({s.id, pid, oci::text(c.status), bundle, s.created, owner, exit, ended,
                 image.empty() ? std::string_view("-") : image});
}

// What passes the filters, in the form that is asked for.
Result<> print(const Runtime& rt, const ListArgs& args, const std::vector<Filter>& filters) {
  const auto wanted = [&](const Container& c) {
    const bool runs = c.status == oci::Status::running || c.status == oci::Status::paused;
    return (runs || !args.running) && passes(c, filters);
  };
  if (args.quiet)
    return for_each(rt, [&](const Container& c) {
      if (wanted(c)) rt.out.line(c.state.id);
    });
  if (args.form == Form::json) {
    std::string_view before = "[";
    TRY(for_each(rt, [&](const Container& c) {
      if (!wanted(c)) return;
      rt.out.print(std::exchange(before, ","), oci::public_state(c.state, c.status, false));
    }));
    rt.out.line(before == "[" ? "[]" : "]");
    return {};
  }
  const clocks::Stamp now = clocks::now();
  Table table;
  table.add_row({"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER", "EXIT", "ENDED", "IMAGE"});
  TRY(for_each(rt, [&](const Container& c) {
    if (wanted(c)) add_row(table, c, now);
  }));
  table.print(rt.out);
  return {};
}

// Their names alone, without reading what is known of them.
Result<> print_ids(const Runtime& rt) {
  const std::vector<std::string> ids = TRY(state_dirs::list(rt.root));
  if (ids.empty()) return {};
  const UniqueFd root = TRY(state_dirs::open_root(rt.root));
  for (const std::string& id : ids)
    if (state_dirs::exists(root, id)) rt.out.line(id);
  return {};
}

Result<int> list_run(const ListArgs& args, Runtime& rt) {
  const std::vector<Filter> filters = TRY(parse_filters(args.filters));
  // None there yet is no error, but a name that is misspelt is.
  if (rt.root_given) (void)TRY(state_dirs::open_root(rt.root));
  if (args.quiet && !args.running && filters.empty()) {
    TRY(print_ids(rt));
    return 0;
  }
  TRY(print(rt, args, filters));
  return 0;
}

}  // namespace

constexpr RuntimeCommand list_command = cli::command<list_options, cli::none, list_run>(
    "list", "list the containers",
    {.examples = "runtime list\n"
                 "runtime list --running --quiet\n"
                 "runtime list --filter 'image=alpine*' --filter exited=0\n"});
