#include "source/codec/http1/message_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <type_traits>

#include "source/http/status.h"

namespace pillion::codec::http1 {
namespace {

using http::HeaderId;

// Heads up to this size are written in place.
constexpr size_t kInPlace = 12 * 1024;
// Chunks up to this size are copied together with their framing.
constexpr size_t kCopiedChunk = base::Buffer::kShareFrom - 1;
constexpr size_t kChunkFraming = 16 + 2 + 2;

// Fields that the writer alone decides about, or that end with their connection.
constexpr std::array<bool, http::kHeaderIds> kNotCopied = [] {
  std::array<bool, http::kHeaderIds> table{};
  for (const HeaderId id : {HeaderId::kConnection, HeaderId::kContentLength, HeaderId::kExpect, HeaderId::kHost,
                            HeaderId::kHttp2Settings, HeaderId::kKeepAlive, HeaderId::kProxyConnection,
                            HeaderId::kTransferEncoding, HeaderId::kUpgrade}) {
    table[static_cast<size_t>(id)] = true;
  }
  return table;
}();

bool Copied(const http::HeaderField& field) {
  return !kNotCopied[static_cast<size_t>(field.id)];
}

// Texts one after the other: into room that was reserved for all of them, or piece by piece.
class InPlace {
 public:
  InPlace(base::Buffer& out, size_t room) : out_(out), start_(out.Reserve(room)), to_(start_) {}
  ~InPlace() { out_.Commit(static_cast<size_t>(to_ - start_)); }
  void Add(std::string_view text) {
    if (text.empty()) return;  // and may be null
    std::memcpy(to_, text.data(), text.size());
    to_ += text.size();
  }
  size_t written() const { return static_cast<size_t>(to_ - start_); }

 private:
  base::Buffer& out_;
  char* start_;
  char* to_;
};

class PieceByPiece {
 public:
  explicit PieceByPiece(base::Buffer& out) : out_(out), before_(out.size()) {}
  void Add(std::string_view text) { out_.Append(text); }
  size_t written() const { return out_.size() - before_; }

 private:
  base::Buffer& out_;
  const size_t before_;
};

class Number {
 public:
  Number(uint64_t value, int base) : end_(std::to_chars(digits_, digits_ + sizeof digits_, value, base).ptr) {}
  std::string_view view() const { return {digits_, static_cast<size_t>(end_ - digits_)}; }

 private:
  char digits_[20];
  char* end_;
};

// Names as the model has them.
class LowerCase {
 public:
  template <typename To>
  void Add(To& to, const http::HeaderField& field) {
    to.Add(field.name());
  }
  // Of the writer's own: the name of `id` and ": ".
  template <typename To>
  void AddOwn(To& to, HeaderId, std::string_view text) {
    to.Add(text);
  }
};

// Names as they were spelled, or in proper case.
class Spelled {
 public:
  Spelled(const http::Spelling* spelling, http::NameStyle style)
      : spelling_(spelling), style_(spelling == nullptr ? style : spelling->others()) {
    if (spelling != nullptr) fields_.emplace(*spelling);
  }

  template <typename To>
  void Add(To& to, const http::HeaderField& field) {
    AddName(to, field.name(), fields_ ? fields_->Of(field.id, field.name()) : std::string_view());
  }
  template <typename To>
  void AddOwn(To& to, HeaderId id, std::string_view) {
    const std::string_view name = http::HeaderName(id);
    // Wherever it stood: the fields' order is not disturbed.
    AddName(to, name, spelling_ == nullptr ? std::string_view() : http::Spelling::Reader(*spelling_).Of(id, name));
    to.Add(": ");
  }

 private:
  template <typename To>
  void AddName(To& to, std::string_view name, std::string_view spelled) {
    if (!spelled.empty()) return to.Add(spelled);
    if (style_ == http::NameStyle::kLowerCase) return to.Add(name);
    std::array<char, 64> proper;
    bool begins_word = true;
    while (!name.empty()) {
      const size_t size = std::min(name.size(), proper.size());
      for (size_t i = 0; i < size; ++i) {
        const char c = name[i];
        const bool letter = c >= 'a' && c <= 'z';
        proper[i] = letter && begins_word ? static_cast<char>(c - 'a' + 'A') : c;
        begins_word = !letter && !(c >= '0' && c <= '9');
      }
      to.Add({proper.data(), size});
      name.remove_prefix(size);
    }
  }

  const http::Spelling* const spelling_;  // null: there is none
  std::optional<http::Spelling::Reader> fields_;
  const http::NameStyle style_;
};

template <typename To, typename Names>
void WriteLength(To& to, Names& names, int64_t length) {
  names.AddOwn(to, HeaderId::kContentLength, "content-length: ");
  to.Add(Number(static_cast<uint64_t>(length), 10).view());
  to.Add("\r\n");
}

// `length`, if any, goes where the model has the field; what is returned is still to be written.
template <typename To, typename Names>
int64_t WriteFields(To& to, Names& names, const http::HeaderMap& headers, int64_t length) {
  for (const http::HeaderField& field : headers) {
    if (Copied(field)) {
      names.Add(to, field);
      to.Add(": ");
      to.Add(field.value());
      to.Add("\r\n");
    } else if (field.id == HeaderId::kContentLength && length != http::kNoContentLength) {
      WriteLength(to, names, length);
      length = http::kNoContentLength;
    }
  }
  return length;
}

template <typename To, typename Names>
void WriteFraming(To& to, Names& names, Framing framing, int64_t length) {
  if (length != http::kNoContentLength) {
    WriteLength(to, names, length);
  } else if (framing == Framing::kChunked) {
    names.AddOwn(to, HeaderId::kTransferEncoding, "transfer-encoding: ");
    to.Add("chunked\r\n");
  }
}

template <typename To, typename Names>
void WriteUpgrade(To& to, Names& names, std::string_view protocol) {
  names.AddOwn(to, HeaderId::kConnection, "connection: ");
  to.Add("upgrade\r\n");
  names.AddOwn(to, HeaderId::kUpgrade, "upgrade: ");
  to.Add(protocol);
  to.Add("\r\n");
}

size_t FieldBytes(const http::HeaderMap& headers) {
  size_t bytes = 0;
  for (const http::HeaderField& field : headers) bytes += field.name_size + field.value_size + 4;
  return bytes;
}

std::string_view Reason(const http::ResponseHead& head) {
  const bool forwarded = head.spelling != nullptr && !head.spelling->reason().empty();
  return forwarded ? head.spelling->reason() : http::ReasonPhrase(head.status);
}

template <typename To, typename Names>
size_t WriteResponse(To& to, Names& names, const http::ResponseHead& head, Framing framing, int64_t length,
                     Persistence persistence) {
  if (head.status == 200 && std::is_same_v<Names, LowerCase>) {
    to.Add("HTTP/1.1 200 OK\r\n");
  } else {
    to.Add("HTTP/1.1 ");
    to.Add(Number(static_cast<uint64_t>(head.status), 10).view());
    to.Add(" ");
    to.Add(Reason(head));
    to.Add("\r\n");
  }
  const size_t start_line = to.written();
  length = WriteFields(to, names, head.headers, length);
  if (head.status == 101) {
    WriteUpgrade(to, names, head.upgrade);
  } else if (persistence != Persistence::kDefault) {
    names.AddOwn(to, HeaderId::kConnection, "connection: ");
    to.Add(persistence == Persistence::kClose ? "close\r\n" : "keep-alive\r\n");
  }
  WriteFraming(to, names, framing, length);
  const size_t fields = to.written() - start_line;
  to.Add("\r\n");
  return fields;
}

template <typename To, typename Names>
size_t WriteRequest(To& to, Names& names, const http::RequestHead& head, Framing framing, int64_t length) {
  to.Add(head.method);
  to.Add(" ");
  // authority-form (RFC 9112, 3.2.3): a CONNECT has no path.
  to.Add(head.path.empty() ? head.authority : head.path);
  to.Add(" HTTP/1.1\r\n");
  const size_t start_line = to.written();
  names.AddOwn(to, HeaderId::kHost, "host: ");
  to.Add(head.authority);
  to.Add("\r\n");
  length = WriteFields(to, names, head.headers, length);
  WriteFraming(to, names, framing, length);
  if (!head.upgrade.empty()) {
    WriteUpgrade(to, names, head.upgrade);
  } else if (head.headers.Has(HeaderId::kTe)) {
    names.AddOwn(to, HeaderId::kConnection, "connection: ");
    to.Add("te\r\n");  // RFC 9110, 10.1.4
  }
  if (head.expect_continue) {
    names.AddOwn(to, HeaderId::kExpect, "expect: ");
    to.Add("100-continue\r\n");
  }
  const size_t fields = to.written() - start_line;
  to.Add("\r\n");
  return fields;
}

// What start line and fields of the writer's own need beside the texts of the head.
constexpr size_t kFixed = 256;

}  // namespace

size_t WriteResponseHead(base::Buffer& out, const http::ResponseHead& head, Framing framing, int64_t length,
                         Persistence persistence, http::NameStyle style) {
  if (head.spelling != nullptr || style != http::NameStyle::kLowerCase) [[unlikely]] {
    PieceByPiece to(out);
    Spelled names(head.spelling, style);
    return WriteResponse(to, names, head, framing, length, persistence);
  }
  const size_t room = kFixed + head.upgrade.size() + FieldBytes(head.headers);
  LowerCase names;
  if (room <= kInPlace) {
    InPlace to(out, room);
    return WriteResponse(to, names, head, framing, length, persistence);
  }
  PieceByPiece to(out);
  return WriteResponse(to, names, head, framing, length, persistence);
}

size_t WriteRequestHead(base::Buffer& out, const http::RequestHead& head, Framing framing, int64_t length,
                        http::NameStyle style) {
  if (head.spelling != nullptr || style != http::NameStyle::kLowerCase) [[unlikely]] {
    PieceByPiece to(out);
    Spelled names(head.spelling, style);
    return WriteRequest(to, names, head, framing, length);
  }
  const size_t room = kFixed + head.method.size() + head.path.size() + 2 * head.authority.size() +
                      head.upgrade.size() + FieldBytes(head.headers);
  LowerCase names;
  if (room <= kInPlace) {
    InPlace to(out, room);
    return WriteRequest(to, names, head, framing, length);
  }
  PieceByPiece to(out);
  return WriteRequest(to, names, head, framing, length);
}

BodyWriter::State BodyWriter::Write(base::Buffer& out, base::Slice data, bool end) {
  if (state_ != State::kOpen) return state_;
  switch (framing_) {
    case Framing::kNone:
      break;
    case Framing::kLength:
      if (data.size() > left_) {
        state_ = State::kBroken;
        data = data.Share(0, left_);
      }
      left_ -= data.size();
      out.Append(std::move(data));
      if (state_ == State::kBroken) return state_;
      break;
    case Framing::kChunked:
      if (data.empty()) break;
      if (data.size() <= kCopiedChunk) {
        InPlace to(out, data.size() + kChunkFraming);
        to.Add(Number(data.size(), 16).view());
        to.Add("\r\n");
        to.Add(data.view());
        to.Add("\r\n");
      } else {
        out.Append(Number(data.size(), 16).view());
        out.Append("\r\n");
        out.Append(std::move(data));
        out.Append("\r\n");
      }
      break;
    case Framing::kUntilClose:
    case Framing::kTunnel:
      out.Append(std::move(data));
      break;
  }
  return end ? End(out, nullptr) : state_;
}

BodyWriter::State BodyWriter::End(base::Buffer& out, const http::HeaderMap* trailers) {
  if (state_ != State::kOpen) return state_;
  state_ = State::kComplete;
  if (framing_ == Framing::kLength && left_ > 0) {
    state_ = State::kBroken;
  } else if (framing_ == Framing::kChunked) {
    out.Append("0\r\n");
    if (trailers != nullptr) {
      PieceByPiece to(out);
      LowerCase names;
      WriteFields(to, names, *trailers, http::kNoContentLength);
    }
    out.Append("\r\n");
  }
  return state_;
}

}  // namespace pillion::codec::http1
