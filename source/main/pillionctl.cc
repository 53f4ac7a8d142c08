// pillionctl, everything beside the data plane: one program with subcommands.

#include "source/ctl/command_line.h"

int main(int argc, char** argv) { return pillion::ctl::Run(argc, argv); }
