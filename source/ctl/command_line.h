#pragma once

// pillionctl's command line: one program, a subcommand for each thing that it does.

namespace pillion::ctl {

// The exit status: 0, or 1 when something is wrong, which is said on standard error.
int Run(int argc, char** argv);

}  // namespace pillion::ctl
