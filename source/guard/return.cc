#include "source/guard/return.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace pillion::guard {

std::string What(xds::Kind kind, const std::string& name) {
  constexpr const char* kWords[] = {"cluster", "endpoints", "listener", "scope", "route table", "secret", "extension"};
  return absl::StrCat(kWords[static_cast<size_t>(kind)], " \"", name, "\"");
}

std::string Seconds(base::Duration duration) {
  return absl::StrCat(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count() / 1000.0, " s");
}

std::string Clock(base::WallTime time) {
  return absl::FormatTime("%H:%M:%SZ", absl::FromChrono(time), absl::UTCTimeZone());
}

std::string Names(const std::vector<std::string>& whats) {
  std::string names;
  const size_t shown = std::min(whats.size(), kMostNamed);
  for (size_t i = 0; i < shown; ++i) {
    absl::StrAppend(&names, i == 0 ? "" : i + 1 == whats.size() ? " and " : ", ", whats[i]);
  }
  if (whats.size() > shown) absl::StrAppend(&names, " and ", whats.size() - shown, " more");
  return names;
}

std::vector<std::string> Returned(const Return& back) {
  std::vector<std::string> failed, whats;
  for (const Return::Failure& failure : back.failures) failed.push_back(failure.what);
  std::ranges::sort(failed);
  for (const std::string& what : back.whats) {
    if (!std::ranges::binary_search(failed, what)) whats.push_back(what);
  }
  return whats;
}

namespace {

// "cluster "pay" changed and route table "main" was removed"
std::string WhatCame(const Return& back) {
  std::vector<std::string> changed;
  for (const std::string& what : back.whats) {
    if (std::ranges::find(back.removed, what) == back.removed.end()) changed.push_back(what);
  }
  std::string text;
  if (!changed.empty()) absl::StrAppend(&text, Names(changed), " changed");
  if (back.removed.empty()) return text;
  absl::StrAppend(&text, text.empty() ? "" : " and ", Names(back.removed));
  return absl::StrCat(text, back.removed.size() == 1 ? " was" : " were", " removed");
}

}  // namespace

std::string Line(const Return& back) {
  std::string line = absl::StrCat(back.reason, " in ", Seconds(back.after), " after ", WhatCame(back), ": ");
  if (back.put_back > 0) {
    const std::string content = back.content ? absl::StrCat("returned to the content of ", Clock(*back.content)) : "";
    absl::StrAppend(&line, content.empty() ? "removed again" : content);
  }
  if (back.failures.empty()) return line;
  std::vector<std::string> failed;
  for (const Return::Failure& failure : back.failures) {
    failed.push_back(absl::StrCat(failure.what, " (", failure.error, failure.given_up ? "; given up)" : "; tried again)"));
  }
  return absl::StrCat(line, back.put_back > 0 ? ", but for " : "can't be put back: ", Names(failed));
}

}  // namespace pillion::guard
