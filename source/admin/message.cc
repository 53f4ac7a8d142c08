#include "source/admin/message.h"

#include <algorithm>

namespace pillion::admin {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A `+` stays: it is common in regular expressions. What is not %XX stays too.
std::string PercentDecode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : HexDigit(text[i + 2]);
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// name=value&name=value
void AddPairs(std::string_view text, Request& request) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    request.query.emplace_back(PercentDecode(pair.substr(0, equals)),
                               PercentDecode(pair.substr(std::min(equals + 1, pair.size()))));
  }
}

}  // namespace

const std::string* Request::Find(std::string_view name) const {
  const auto found =
      std::find_if(query.rbegin(), query.rend(), [&](const auto& pair) { return pair.first == name; });
  return found == query.rend() || found->second.empty() ? nullptr : &found->second;
}

std::optional<bool> Request::WantsJson() const {
  const std::string* format = Find("format");
  if (format == nullptr || *format == "text") return false;
  if (*format == "json") return true;
  return std::nullopt;
}

bool Request::Flag(std::string_view name) const {
  const auto found =
      std::find_if(query.rbegin(), query.rend(), [&](const auto& pair) { return pair.first == name; });
  return found != query.rend() && found->second != "false" && found->second != "off" && found->second != "0";
}

bool ParseTarget(std::string_view target, Request& request) {
  if (target.empty() || target[0] != '/') return false;
  const size_t question = std::min(target.find('?'), target.size());
  request.path = std::string(target.substr(0, question));
  request.query.clear();
  AddPairs(target.substr(std::min(question + 1, target.size())), request);
  return true;
}

void AddForm(std::string_view body, Request& request) {
  std::string text(body);
  std::replace(text.begin(), text.end(), '+', ' ');
  AddPairs(text, request);
}

}  // namespace pillion::admin
