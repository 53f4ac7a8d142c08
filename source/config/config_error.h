#pragma once

// What is wrong with a configuration: all of it at once, each with its place.

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pillion::config {

struct ConfigError {
  std::string path;  // "static_resources.listeners[0].address"; empty: the file as a whole
  int line = 0;      // counted from 1; 0: unknown
  std::string message;
  std::string file = {};  // where several were read: which

  bool operator==(const ConfigError&) const = default;
};

// "FILE:LINE: PATH: MESSAGE", without the parts that are unknown. `file` is of an error that names none.
std::string ErrorText(std::string_view file, const ConfigError& error);

// Paths of the parts of the field at `path`.
std::string FieldPath(std::string_view path, std::string_view field);
std::string ElementPath(std::string_view path, size_t index);
std::string KeyPath(std::string_view path, std::string_view key);

// The element of a list that stands first in `path`: "static_resources.clusters[7]"; empty: it is in none.
std::string PartOf(std::string_view path);

// What is said in place of errors that are not kept.
std::string MoreErrors(size_t dropped);

// Collects errors in the order in which they are found. A line that is not known
// when an error is found is looked up at the end, by its path.
class ErrorList {
 public:
  // More are counted, not kept: a hostile file must not make us write a book.
  static constexpr size_t kMaxErrors = 100;

  // Left out where it is known to be there, or what stands at `path` could not be read.
  void Add(std::string path, std::string message, int line = 0);
  // The value at `path` can't be read: whatever else is said of it is about what stands in its place.
  void AddUnreadable(std::string path, std::string message, int line);

  // Of what is added from now on with a line.
  void set_file(std::string file) { file_ = std::move(file); }

  // Something is missing: `path`, a part of the message at `container`. Left out where an earlier error at the
  // container or in the part already says why ("filtres" is unknown, so "filters" is missing).
  void AddMissing(const std::string& container, const std::string& path, std::string message);

  // An earlier error lies at `path` or below it.
  bool AnyBelow(const std::string& path) const;

  // Adds all of another list.
  void Append(ErrorList other);

  bool empty() const { return errors_.empty(); }
  size_t dropped() const { return dropped_; }
  // How many of these there are in each element of a list, by PartOf() their paths: whoever takes the elements one by one
  // has to know all that are bad.
  const std::map<std::string, size_t>& dropped_in() const { return dropped_in_; }
  std::vector<ConfigError> Take() { return std::move(errors_); }

 private:
  std::vector<ConfigError> errors_;
  std::map<std::string, std::vector<size_t>> paths_;  // of them: which
  std::set<std::string> unreadable_;  // paths
  std::string file_;
  size_t dropped_ = 0;
  std::map<std::string, size_t> dropped_in_;
};

}  // namespace pillion::config
