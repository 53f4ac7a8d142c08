#include "source/filters/grpc_web/text.h"

#include <algorithm>
#include <cstring>

#include "source/context/base64.h"

namespace pillion::filters::grpc_web {
namespace {

// Whole groups, of which only the last may be padded.
bool Decode(std::string_view groups, char* out, size_t room, size_t& size) {
  bool url_safe = false;
  const std::optional<size_t> bytes = context::DecodeBase64(groups, out + size, room - size, &url_safe);
  if (!bytes || url_safe) return false;
  size += *bytes;
  return true;
}

}  // namespace

std::optional<base::Slice> TextReader::Read(base::BlockPool& pool, std::string_view text) {
  const size_t groups = (left_size_ + text.size()) / 4;
  if (text.empty()) return base::Slice();
  if (groups == 0) {
    std::memcpy(left_ + left_size_, text.data(), text.size());
    left_size_ += text.size();
    return base::Slice();
  }
  const size_t room = groups * 3;
  base::Block* const block = pool.TakeFor(room);
  base::Slice out(block, block->data(), 0);
  size_t size = 0;
  if (left_size_ > 0) {
    const size_t more = 4 - left_size_;
    std::memcpy(left_ + left_size_, text.data(), more);
    text.remove_prefix(more);
    left_size_ = 0;
    if (!Decode({left_, 4}, out.data(), room, size)) return std::nullopt;
  }
  while (text.size() >= 4) {
    size_t run = text.size() / 4 * 4;
    const size_t padding = text.substr(0, run).find('=');
    if (padding != text.npos) run = padding / 4 * 4 + 4;
    if (!Decode(text.substr(0, run), out.data(), room, size)) return std::nullopt;
    text.remove_prefix(run);
  }
  if (!text.empty()) std::memcpy(left_, text.data(), text.size());
  left_size_ = text.size();
  out.Extend(size);
  return out;
}

void TextWriter::Write(std::string_view bytes, base::Buffer& out) {
  while (!bytes.empty()) {
    // As far as the frame goes, of which the prefix says how long it is.
    size_t piece = 0;
    while (prefix_ < kPrefix && piece < bytes.size()) {
      length_ = length_ << 8 | static_cast<unsigned char>(bytes[piece++]);
      if (++prefix_ == kPrefix) frame_ = length_;  // the flags have been shifted out
    }
    if (prefix_ == kPrefix) {
      const size_t body = std::min<uint64_t>(frame_, bytes.size() - piece);
      frame_ -= body;
      piece += body;
    }
    Encode(bytes.substr(0, piece), out);
    bytes.remove_prefix(piece);
    if (prefix_ == kPrefix && frame_ == 0) Finish(out);
  }
}

void TextWriter::Finish(base::Buffer& out) {
  if (left_size_ > 0) {
    context::EncodeBase64({left_, left_size_}, true, out.Reserve(4));
    out.Commit(4);
  }
  left_size_ = 0;
  prefix_ = length_ = 0;
  frame_ = 0;
}

void TextWriter::Encode(std::string_view bytes, base::Buffer& out) {
  if (left_size_ > 0) {
    while (left_size_ < 3 && !bytes.empty()) {
      left_[left_size_++] = bytes.front();
      bytes.remove_prefix(1);
    }
    if (left_size_ < 3) return;
    context::EncodeBase64({left_, 3}, true, out.Reserve(4));
    out.Commit(4);
    left_size_ = 0;
  }
  constexpr size_t kPiece = 9000;  // of which the text is no more than what Reserve() takes
  while (bytes.size() >= 3) {
    const std::string_view piece = bytes.substr(0, std::min(kPiece, bytes.size() / 3 * 3));
    const size_t size = context::Base64Size(piece.size(), true);
    context::EncodeBase64(piece, true, out.Reserve(size));
    out.Commit(size);
    bytes.remove_prefix(piece.size());
  }
  if (!bytes.empty()) std::memcpy(left_, bytes.data(), bytes.size());
  left_size_ = bytes.size();
}

}  // namespace pillion::filters::grpc_web
