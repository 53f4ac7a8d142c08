#include "source/codec/sniff/fingerprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "source/codec/sniff/reader.h"

namespace pillion::codec::sniff {
namespace {

constexpr size_t kServerName = 0;
constexpr size_t kGroups = 10;
constexpr size_t kPointFormats = 11;
constexpr size_t kSignatureAlgorithms = 13;
constexpr size_t kAlpn = 16;
constexpr size_t kSupportedVersions = 43;

using Values = std::vector<uint16_t>;

// All of so many bytes each; a rest that is shorter is none.
Values ReadValues(std::string_view bytes, size_t width) {
  Values values;
  values.reserve(bytes.size() / width);
  for (; bytes.size() >= width; bytes.remove_prefix(width)) {
    values.push_back(static_cast<uint16_t>(Number(bytes.substr(0, width))));
  }
  return values;
}

// What stands behind a length of so many bytes, or as much of it as there is.
std::string_view Listed(std::string_view body, size_t length_bytes) {
  Reader reader(body);
  const size_t length = reader.Integer(length_bytes);
  return reader.ok() ? body.substr(length_bytes, length) : std::string_view();
}

Values WithoutGrease(Values values) {
  std::erase_if(values, [](uint16_t value) { return IsGrease(value); });
  return values;
}

void AppendDecimal(std::string& text, const Values& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    fmt::format_to(std::back_inserter(text), "{}{}", i == 0 ? "" : "-", values[i]);
  }
}

void AppendHex(std::string& text, const Values& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    fmt::format_to(std::back_inserter(text), "{}{:04x}", i == 0 ? "" : ",", values[i]);
  }
}

std::string_view VersionText(size_t version) {
  switch (version) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    default:
      return "00";
  }
}

// Of the first protocol: its first and its last character, or half a byte of each where one is no letter or digit.
std::string AlpnText(std::string_view extension) {
  const std::string_view protocol = Reader(Reader(extension).Vector(2)).Vector(1);
  if (protocol.empty()) return "00";
  if (absl::ascii_isalnum(protocol.front()) && absl::ascii_isalnum(protocol.back())) {
    return {protocol.front(), protocol.back()};
  }
  return fmt::format("{:x}{:x}", static_cast<uint8_t>(protocol.front()) >> 4, static_cast<uint8_t>(protocol.back()) & 15);
}

}  // namespace

FingerprintTexts ReadFingerprints(std::string_view message) {
  Reader reader(message);
  size_t version = reader.Integer(2);
  reader.Bytes(32);  // random
  reader.Vector(1);  // session
  const size_t legacy_version = version;
  Values suites = WithoutGrease(ReadValues(reader.Vector(2), 2));
  reader.Vector(1);  // compression
  Reader extensions(reader.Vector(2));

  Values types;
  Values groups;
  Values point_formats;
  Values algorithms;
  bool names_server = false;
  std::string alpn = "00";
  while (extensions.ok() && !extensions.empty()) {
    const size_t type = extensions.Integer(2);
    const std::string_view body = extensions.Vector(2);
    if (!extensions.ok()) break;
    if (IsGrease(type)) continue;
    types.push_back(static_cast<uint16_t>(type));
    if (type == kServerName) names_server = true;
    if (type == kGroups) groups = WithoutGrease(ReadValues(Listed(body, 2), 2));
    if (type == kPointFormats) point_formats = ReadValues(Listed(body, 1), 1);
    if (type == kSignatureAlgorithms) algorithms = ReadValues(Listed(body, 2), 2);
    if (type == kAlpn) alpn = AlpnText(body);
    if (type == kSupportedVersions) {
      Reader list(body);
      const Values versions = WithoutGrease(ReadValues(list.Vector(1), 2));
      if (!list.ok()) version = 0;
      if (!versions.empty()) version = *std::max_element(versions.begin(), versions.end());
    }
  }

  FingerprintTexts texts;
  texts.ja3 = fmt::format("{},", legacy_version);
  AppendDecimal(texts.ja3, suites);
  for (const Values* values : {&types, &groups, &point_formats}) {
    texts.ja3 += ',';
    AppendDecimal(texts.ja3, *values);
  }

  constexpr size_t kMostCounted = 99;
  texts.ja4_start = fmt::format("t{}{}{:02}{:02}{}_", VersionText(version), names_server ? 'd' : 'i',
                                std::min(suites.size(), kMostCounted), std::min(types.size(), kMostCounted), alpn);
  std::sort(suites.begin(), suites.end());
  AppendHex(texts.ja4_suites, suites);
  // Clients that change the order each time have one fingerprint; and the start has the name and the protocol already.
  std::erase_if(types, [](uint16_t type) { return type == kServerName || type == kAlpn; });
  std::sort(types.begin(), types.end());
  AppendHex(texts.ja4_extensions, types);
  if (!types.empty() && !algorithms.empty()) {
    texts.ja4_extensions += '_';
    AppendHex(texts.ja4_extensions, algorithms);
  }
  return texts;
}

}  // namespace pillion::codec::sniff
