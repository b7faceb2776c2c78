// The commands of `runtime`.  One file each; main.cc lists them in the order of --help.
#pragma once

#include "runtime/runtime.h"

extern const RuntimeCommand create_command;
extern const RuntimeCommand start_command;
extern const RuntimeCommand run_command;
extern const RuntimeCommand exec_command;
extern const RuntimeCommand kill_command;
extern const RuntimeCommand delete_command;
extern const RuntimeCommand state_command;
extern const RuntimeCommand list_command;
extern const RuntimeCommand ps_command;
extern const RuntimeCommand pause_command;
extern const RuntimeCommand resume_command;
extern const RuntimeCommand update_command;
extern const RuntimeCommand events_command;
extern const RuntimeCommand spec_command;
extern const RuntimeCommand features_command;
extern const RuntimeCommand validate_command;
