#pragma once

// Writes JSON piece by piece, indented by one space as protobuf's own printer does.

#include <cstdint>
#include <string>
#include <string_view>

#include "source/base/escape.h"

namespace pillion::admin {

class JsonWriter {
 public:
  JsonWriter() { out_ = "{"; }

  void BeginObject(std::string_view key) { Open(key, '{'); }
  void BeginArray(std::string_view key) { Open(key, '['); }
  void BeginElement() { Open({}, '{'); }  // an object in an array
  void EndObject() { Close('}'); }
  void EndArray() { Close(']'); }

  void String(std::string_view key, std::string_view value) {
    Key(key);
    base::AppendJsonString(out_, value);
  }
  // 64-bit numbers are strings in protobuf's JSON.
  void Number64(std::string_view key, uint64_t value) { String(key, std::to_string(value)); }
  void Number(std::string_view key, uint32_t value) { Raw(key, std::to_string(value)); }
  void Bool(std::string_view key, bool value) { Raw(key, value ? "true" : "false"); }
  // `json` is a whole value, its own lines indented by one space; they are indented further as need be. An empty
  // key: an element of an array.
  void Raw(std::string_view key, std::string_view json) {
    Key(key);
    for (const char c : json) {
      out_ += c;
      if (c == '\n') out_.append(depth_, ' ');  // a string in JSON holds no raw line break
    }
  }

  std::string Finish() {
    Close('}');
    out_ += '\n';
    return std::move(out_);
  }

 private:
  void Key(std::string_view key) {
    out_ += first_ ? "\n" : ",\n";
    first_ = false;
    out_.append(depth_, ' ');
    if (key.empty()) return;
    base::AppendJsonString(out_, key);
    out_ += ": ";
  }
  void Open(std::string_view key, char bracket) {
    Key(key);
    out_ += bracket;
    ++depth_;
    first_ = true;
  }
  void Close(char bracket) {
    --depth_;
    if (!first_) {
      out_ += '\n';
      out_.append(depth_, ' ');
    }
    out_ += bracket;
    first_ = false;
  }

  std::string out_;
  size_t depth_ = 1;
  bool first_ = true;  // nothing written yet in the innermost object or array
};

}  // namespace pillion::admin
