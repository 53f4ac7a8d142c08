#include "source/config/config_error.h"

#include <algorithm>
#include <utility>

#include "source/config/text.h"

namespace pillion::config {

std::string ErrorText(std::string_view file, const ConfigError& error) {
  std::string text(error.file.empty() ? file : std::string_view(error.file));
  if (error.line > 0) text += Concat(':', error.line);
  if (!text.empty()) text += ": ";
  if (!error.path.empty()) text += error.path + ": ";
  return text + error.message;
}

std::string FieldPath(std::string_view path, std::string_view field) {
  return path.empty() ? std::string(field) : Concat(path, ".", field);
}

std::string ElementPath(std::string_view path, size_t index) {
  return Concat(path, "[", index, "]");
}

std::string KeyPath(std::string_view path, std::string_view key) {
  return Concat(path, "[", Quote(key), "]");
}

std::string PartOf(std::string_view path) {
  const size_t end = path.find(']');
  return end == path.npos ? "" : std::string(path.substr(0, end + 1));
}

std::string MoreErrors(size_t dropped) { return Concat("and ", dropped, dropped == 1 ? " more error" : " more errors"); }

void ErrorList::AddUnreadable(std::string path, std::string message, int line) {
  Add(path, std::move(message), line);
  unreadable_.insert(std::move(path));
}

void ErrorList::Add(std::string path, std::string message, int line) {
  if (unreadable_.contains(path)) return;
  // A part that others refer to is looked at once for each of them.
  const auto there = paths_.find(path);
  const auto same = [&](size_t error) { return errors_[error].message == message; };
  if (line == 0 && there != paths_.end() && std::ranges::any_of(there->second, same)) return;
  if (errors_.size() == kMaxErrors) {
    ++dropped_;
    ++dropped_in_[PartOf(path)];
    return;
  }
  paths_[path].push_back(errors_.size());
  errors_.push_back({std::move(path), line, std::move(message), line > 0 ? file_ : ""});
}

void ErrorList::Append(ErrorList other) {
  for (ConfigError& error : other.errors_) Add(std::move(error.path), std::move(error.message), error.line);
  dropped_ += other.dropped_;
  for (const auto& [part, count] : other.dropped_in_) dropped_in_[part] += count;
}

void ErrorList::AddMissing(const std::string& container, const std::string& path, std::string message) {
  if (paths_.contains(container) || AnyBelow(path)) return;
  Add(path, std::move(message));
}

bool ErrorList::AnyBelow(const std::string& path) const {
  if (paths_.contains(path)) return true;
  for (const char next : {'.', '['}) {
    const std::string prefix = path + next;
    const auto at = paths_.lower_bound(prefix);
    if (at != paths_.end() && at->first.starts_with(prefix)) return true;
  }
  return false;
}

}  // namespace pillion::config
