#pragma once

// Where who subscribes writes what it has to say, a line at a time. What peers say in it is made fit for that before.

#include <functional>
#include <string_view>

namespace pillion::xds {

struct Log {
  using Say = std::function<void(std::string_view line)>;

  Say warn;
  Say info = [](std::string_view) {};
  Say debug = [](std::string_view) {};
};

}  // namespace pillion::xds
