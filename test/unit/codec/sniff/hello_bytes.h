#pragma once

// ClientHellos for tests, byte by byte.

#include <string>
#include <string_view>
#include <vector>

namespace pillion::test {

inline std::string BigEndian(size_t number, int bytes) {
  std::string text;
  while (bytes-- > 0) text += static_cast<char>(number >> (8 * bytes));
  return text;
}

// `body` behind its length.
inline std::string Vector(int length_bytes, std::string_view body) {
  return BigEndian(body.size(), length_bytes) + std::string(body);
}

inline std::string Extension(size_t type, std::string_view body) {
  return BigEndian(type, 2) + Vector(2, body);
}

inline std::string ServerName(std::string_view name) {
  return Extension(0, Vector(2, std::string(1, '\0') + Vector(2, name)));
}

inline std::string Protocols(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& protocol : protocols) list += Vector(1, protocol);
  return Extension(16, Vector(2, list));
}

// The handshake message with these extensions.
inline std::string HelloMessage(std::string_view extensions) {
  const std::string body = "\x03\x03" + std::string(32, 'r') + Vector(1, std::string(32, 's')) +
                           Vector(2, std::string("\x13\x01\x13\x02", 4)) + Vector(1, std::string(1, '\0')) +
                           Vector(2, extensions);
  return "\x01" + Vector(3, body);
}

inline std::string Record(std::string_view bytes) {
  return "\x16\x03\x01" + Vector(2, bytes);
}

inline std::string Hello(std::string_view extensions) {
  return Record(HelloMessage(extensions));
}

}  // namespace pillion::test
