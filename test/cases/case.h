#pragma once

// One text file of this folder: settings and steps. README.md says what a file looks like.

#include <string>
#include <string_view>
#include <vector>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {

struct Step {
  int line = 0;
  std::string subject;  // "client", "upstream2", "wait", "log", ...
  char verb = ' ';      // '>' sends, '<' has got, '=' compares, ' ' does
  std::string text;     // unescaped where the verb is '>' or '<'
};

struct Case {
  ProxySettings settings;
  bool split = true;  // is also played byte by byte
  std::vector<Step> steps;
};

// Fails the test, naming `file` and the line, where the text is not a case.
Case ParseCase(std::string_view file, std::string_view text);

// Plays it. `split`: each byte that a peer sends arrives on its own.
void PlayCase(std::string_view file, const Case& c, bool split);

}  // namespace pillion::test
