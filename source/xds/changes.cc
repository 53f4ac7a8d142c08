#include "source/xds/changes.h"

#include "source/base/escape.h"
#include "source/xds/kind.h"

namespace pillion::xds {
namespace {

constexpr size_t kMostVersion = 128;  // bytes

}  // namespace

std::string Changes::List::Text() const {
  std::string text;
  for (const std::string& name : first_) text += (text.empty() ? "\"" : ", \"") + name + "\"";
  if (count_ > first_.size()) text += " and " + std::to_string(count_ - first_.size()) + " more";
  return text;
}

std::string Changes::Text() const {
  std::string text;
  const auto add = [&text](const List& list, std::string_view what) {
    if (list.count() == 0) return;
    text += text.empty() ? "" : ", ";
    text += std::to_string(list.count()) + " " + std::string(what) + " (" + list.Text() + ")";
  };
  add(added, "added");
  add(changed, "changed");
  add(removed, "removed");
  add(refused, "refused");
  add(passed_over, "passed over");
  return text;
}

void Tell(const Log& log, std::string_view who, std::string_view version, std::string_view type_url,
          const Changes& changes) {
  std::string line(who);
  if (!version.empty()) line += ": version \"" + std::string(base::CutUtf8(version, kMostVersion)) + "\"";
  const std::string text = changes.Text();
  line += ": " + (text.empty() ? "nothing is different" : text);
  std::string shown;
  base::AppendLine(shown, line, Changes::kMostLine);
  const bool detail = changes.empty() || type_url.ends_with(NamesOf(Kind::kEndpoints).type);
  (detail ? log.debug : log.info)(shown);
}

}  // namespace pillion::xds
