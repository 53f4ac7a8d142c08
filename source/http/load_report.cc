#include "source/http/load_report.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace pillion::http {
namespace {

// More is no report: what is kept of it is a handful of numbers.
constexpr size_t kMostBytes = 4096;
using Buffer = std::array<char, kMostBytes>;

// Numbers of the report, one by one, as the forms have them.
class Collector {
 public:
  explicit Collector(std::span<const std::string> names) : names_(names) {}

  // `group`: empty, or that of a metric with a key.
  void Add(std::string_view group, std::string_view key, double value) {
    if (!std::isfinite(value) || value < 0) return;
    found_ = true;
    if (group.empty()) {
      if (key == "application_utilization") report_.application_utilization = value;
      if (key == "cpu_utilization") report_.cpu_utilization = value;
      if (key == "rps_fractional") report_.requests_per_second = value;
      if (key == "eps") report_.errors_per_second = value;
    }
    for (const std::string& name : names_) {
      if (IsNamed(name, group, key)) report_.named = std::max(report_.named, value);
    }
  }
  std::optional<LoadReport> report() const { return found_ ? std::optional(report_) : std::nullopt; }

 private:
  static bool IsNamed(std::string_view name, std::string_view group, std::string_view key) {
    if (group.empty()) return name == key;
    return name.size() == group.size() + 1 + key.size() && name.starts_with(group) && name[group.size()] == '.' &&
           name.ends_with(key);
  }

  const std::span<const std::string> names_;
  LoadReport report_;
  bool found_ = false;
};

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool ReadNumber(std::string_view text, double& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// The part before the first dot is the group where it is one of those that have keys.
void AddByName(Collector& to, std::string_view name, double value) {
  for (const std::string_view group : {"named_metrics", "utilization", "request_cost"}) {
    if (name.size() <= group.size() || name[group.size()] != '.' || !name.starts_with(group)) continue;
    return to.Add(group, name.substr(group.size() + 1), value);
  }
  to.Add("", name, value);
}

bool ReadText(std::string_view text, Collector& to) {
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = Trim(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (item.empty()) continue;
    const size_t equals = item.find_first_of("=:");
    double value = 0;
    if (equals == std::string_view::npos || !ReadNumber(Trim(item.substr(equals + 1)), value)) return false;
    AddByName(to, Trim(item.substr(0, equals)), value);
  }
  return true;
}

// The standard alphabet or that of URLs, with or without its padding. Nothing: it is neither, or more than `into` holds.
std::optional<std::string_view> DecodeBase64(std::string_view text, Buffer& into) {
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() / 4 * 3 + 3 > into.size() || text.size() % 4 == 1) return std::nullopt;
  uint32_t bits = 0;
  int count = 0;
  size_t size = 0;
  for (const char c : text) {
    uint32_t value = 0;
    if (c >= 'A' && c <= 'Z') {
      value = static_cast<uint32_t>(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      value = static_cast<uint32_t>(c - 'a' + 26);
    } else if (c >= '0' && c <= '9') {
      value = static_cast<uint32_t>(c - '0' + 52);
    } else if (c == '+' || c == '-') {
      value = 62;
    } else if (c == '/' || c == '_') {
      value = 63;
    } else {
      return std::nullopt;
    }
    bits = bits << 6 | value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    into[size++] = static_cast<char>(bits >> count & 0xff);
  }
  return std::string_view(into.data(), size);
}

// The wire format of protobuf, as far as the message has fields that are heeded.
class Wire {
 public:
  explicit Wire(std::string_view bytes) : rest_(bytes) {}

  // False: there is no other field, or it is no message; bad() tells.
  bool Next() {
    if (rest_.empty() || bad_) return false;
    uint64_t tag = 0;
    if (!Varint(tag)) return Fail();
    number_ = tag >> 3;
    type_ = static_cast<unsigned>(tag & 7);
    switch (type_) {
      case 0: {
        uint64_t skipped = 0;
        return Varint(skipped) || Fail();
      }
      case 1:
        return Take(8);
      case 2: {
        uint64_t size = 0;
        return Varint(size) && size <= rest_.size() ? Take(static_cast<size_t>(size)) : Fail();
      }
      case 5:
        return Take(4);
      default:
        return Fail();
    }
  }
  bool bad() const { return bad_; }
  uint64_t number() const { return number_; }
  bool is_double() const { return type_ == 1; }
  bool is_bytes() const { return type_ == 2; }
  std::string_view bytes() const { return value_; }
  double number_value() const {
    uint64_t bits = 0;
    for (int i = 7; i >= 0; --i) bits = bits << 8 | static_cast<unsigned char>(value_[static_cast<size_t>(i)]);
    return std::bit_cast<double>(bits);
  }

 private:
  bool Fail() {
    bad_ = true;
    return false;
  }
  bool Take(size_t size) {
    if (rest_.size() < size) return Fail();
    value_ = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool Varint(uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }

  std::string_view rest_;
  std::string_view value_;
  uint64_t number_ = 0;
  unsigned type_ = 0;
  bool bad_ = false;
};

// An entry of a map from texts to numbers.
bool ReadEntry(std::string_view bytes, std::string_view group, Collector& to) {
  std::string_view key;
  double value = 0;
  Wire entry(bytes);
  while (entry.Next()) {
    if (entry.number() == 1 && entry.is_bytes()) key = entry.bytes();
    if (entry.number() == 2 && entry.is_double()) value = entry.number_value();
  }
  if (!entry.bad()) to.Add(group, key, value);
  return !entry.bad();
}

bool ReadMessage(std::string_view bytes, Collector& to) {
  Wire message(bytes);
  while (message.Next()) {
    if (message.is_double()) {
      switch (message.number()) {
        case 1:
          to.Add("", "cpu_utilization", message.number_value());
          break;
        case 2:
          to.Add("", "mem_utilization", message.number_value());
          break;
        case 6:
          to.Add("", "rps_fractional", message.number_value());
          break;
        case 7:
          to.Add("", "eps", message.number_value());
          break;
        case 9:
          to.Add("", "application_utilization", message.number_value());
          break;
        default:
          break;
      }
    } else if (message.is_bytes()) {
      const std::string_view group = message.number() == 4   ? "request_cost"
                                     : message.number() == 5 ? "utilization"
                                     : message.number() == 8 ? "named_metrics"
                                                             : "";
      if (!group.empty() && !ReadEntry(message.bytes(), group, to)) return false;
    }
  }
  return !message.bad();
}

bool ReadEncoded(std::string_view text, Collector& to) {
  Buffer buffer;
  const std::optional<std::string_view> bytes = DecodeBase64(Trim(text), buffer);
  return bytes && ReadMessage(*bytes, to);
}

// An object of numbers, and of objects of numbers: all that the message can be in JSON, without escapes in its keys.
class Json {
 public:
  Json(std::string_view text, Collector& to) : rest_(text), to_(to) {}

  bool Read() {
    const bool good = Object("", 0);
    Skip();
    return good && rest_.empty();
  }

 private:
  void Skip() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }
  bool Take(char c) {
    Skip();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool Key(std::string_view& key) {
    if (!Take('"')) return false;
    const size_t end = rest_.find_first_of("\"\\");
    if (end == std::string_view::npos || rest_[end] != '"') return false;
    key = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return Take(':');
  }
  bool Object(std::string_view group, int depth) {
    if (!Take('{')) return false;
    if (Take('}')) return true;
    do {
      std::string_view key;
      if (!Key(key)) return false;
      Skip();
      if (!rest_.empty() && rest_.front() == '{') {
        if (depth > 0 || !Object(Spelling(key), depth + 1)) return false;
        continue;
      }
      const size_t end = std::min(rest_.find_first_of(",} \t"), rest_.size());
      double value = 0;
      if (!ReadNumber(rest_.substr(0, end), value)) return false;
      rest_.remove_prefix(end);
      to_.Add(group, group.empty() ? Spelling(key) : key, value);
    } while (Take(','));
    return Take('}');
  }
  // As the field is called in the message, which JSON may have in another way.
  static std::string_view Spelling(std::string_view key) {
    constexpr std::pair<std::string_view, std::string_view> kOther[] = {
        {"cpuUtilization", "cpu_utilization"},   {"memUtilization", "mem_utilization"},
        {"rpsFractional", "rps_fractional"},     {"applicationUtilization", "application_utilization"},
        {"namedMetrics", "named_metrics"},       {"requestCost", "request_cost"},
    };
    for (const auto& [other, name] : kOther) {
      if (key == other) return name;
    }
    return key;
  }

  std::string_view rest_;
  Collector& to_;
};

}  // namespace

std::optional<LoadReport> FindLoadReport(const HeaderMap& fields, std::span<const std::string> names) {
  Collector collector(names);
  if (const HeaderField* const binary = fields.Find("endpoint-load-metrics-bin"); binary != nullptr) {
    return ReadEncoded(binary->value(), collector) ? collector.report() : std::nullopt;
  }
  const HeaderField* const field = fields.Find("endpoint-load-metrics");
  if (field == nullptr) return std::nullopt;
  const std::string_view value = field->value();
  bool good = false;
  if (value.starts_with("TEXT ")) {
    good = ReadText(value.substr(5), collector);
  } else if (value.starts_with("JSON ")) {
    good = Json(value.substr(5), collector).Read();
  } else if (value.starts_with("BIN ")) {
    good = ReadEncoded(value.substr(4), collector);
  } else {
    good = ReadText(value, collector);
  }
  return good ? collector.report() : std::nullopt;
}

}  // namespace pillion::http
