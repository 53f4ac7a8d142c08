#pragma once

// A file that a part of the configuration comes from, and that is read again when it is replaced.

#include <string>

namespace pillion::config {

struct PathSource {
  std::string path;
  std::string watched_directory;  // whatever is moved there, it is read again; empty: when the file itself is replaced

  bool operator==(const PathSource&) const = default;
};

}  // namespace pillion::config
