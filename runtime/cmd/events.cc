// runtime events: what a container uses and that it runs out of memory, as lines of JSON.
#include "runtime/life/events.h"

#include "runtime/cmd/commands.h"
#include "spec/base/clock.h"

namespace {

struct EventsArgs {
  std::string id;
  std::string interval = "5s";
  bool stats = false;
};

constexpr cli::Row<EventsArgs> events_options[] = {
    cli::option<&EventsArgs::interval>(0, "interval", "TIME",
                                       "how often to print statistics: 100ms, 1m (5s)"),
    cli::flag<&EventsArgs::stats>(0, "stats", "print statistics once, and end"),
};
constexpr cli::Row<EventsArgs> events_operands[] = {
    cli::operand<&EventsArgs::id>("container-id", "the container", cli::Complete::container),
};

Result<int64_t> interval_of(const EventsArgs& args) {
  const auto interval = clocks::duration_ms(args.interval);
  if (interval && *interval > 0) return *interval;
  return Error(Kind::invalid, str::cat("--interval '", str::printable(args.interval),
                                       "': expected a time such as 5s or 100ms, greater than 0"));
}

Result<> print_events(const Container& container, const EventsArgs& args, int64_t interval_ms, Runtime& rt) {
  if (!args.stats) return events::watch(container, interval_ms, rt.out);
  rt.out.line(oci::encode(TRY(events::stats(container))));
  return {};
}

Result<int> events_run(const EventsArgs& args, Runtime& rt) {
  const int64_t interval_ms = TRY(interval_of(args));
  const Container container = TRY(Container::load(rt, args.id));
  TRY(print_events(container, args, interval_ms, rt).within("events of '", args.id, "'"));
  return 0;
}

}  // namespace

constexpr RuntimeCommand events_command = cli::command<events_options, events_operands, events_run>(
    "events", "print what a container uses, and when it runs out of memory",
    {.details = "Each event is a JSON object on a line of its own, of type stats or oom.  Ends when the "
                "container does.",
     .examples = "runtime events --stats web | jq .data.memory.usage\nruntime events --interval 1s web\n"});
