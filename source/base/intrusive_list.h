#pragma once

// A doubly linked list whose nodes are base classes of the elements: no allocation, O(1) removal by element.
// The list does not own its elements; an element leaves its list when it is destroyed.

#include "source/base/check.h"

namespace pillion::base {

template <typename Tag>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { Unlink(); }

  bool linked() const { return next_ != nullptr; }

  void Unlink() {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }

 private:
  template <typename T, typename U>
  friend class IntrusiveList;
  ListNode* prev_ = nullptr;
  ListNode* next_ = nullptr;
};

// T derives from ListNode<Tag>; the tag lets one object stand in several lists.
template <typename T, typename Tag = T>
class IntrusiveList {
 public:
  using Node = ListNode<Tag>;

  IntrusiveList() { head_.prev_ = head_.next_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (!empty()) head_.next_->Unlink();
    head_.prev_ = head_.next_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  T& front() { return *static_cast<T*>(head_.next_); }
  T& back() { return *static_cast<T*>(head_.prev_); }

  void PushBack(T& element) { InsertBefore(head_, element); }
  void PushFront(T& element) { InsertBefore(*head_.next_, element); }

  // The element taken out, or null when the list is empty.
  T* PopFront() {
    if (empty()) return nullptr;
    T& element = front();
    static_cast<Node&>(element).Unlink();
    return &element;
  }
  T* PopBack() {
    if (empty()) return nullptr;
    T& element = back();
    static_cast<Node&>(element).Unlink();
    return &element;
  }

  // Moves all elements of `other` behind those of this list.
  void Splice(IntrusiveList& other) {
    if (other.empty()) return;
    Node* first = other.head_.next_;
    Node* last = other.head_.prev_;
    other.head_.prev_ = other.head_.next_ = &other.head_;
    first->prev_ = head_.prev_;
    head_.prev_->next_ = first;
    last->next_ = &head_;
    head_.prev_ = last;
  }

  // Visits each element; the visited one may be unlinked by `visit`, others must stay.
  template <typename F>
  void ForEach(F&& visit) {
    for (Node* node = head_.next_; node != &head_;) {
      Node* next = node->next_;
      visit(*static_cast<T*>(node));
      node = next;
    }
  }

 private:
  static void InsertBefore(Node& position, T& element) {
    Node& node = static_cast<Node&>(element);
    PILLION_CHECK(!node.linked());
    node.prev_ = position.prev_;
    node.next_ = &position;
    position.prev_->next_ = &node;
    position.prev_ = &node;
  }

  Node head_;
};

}  // namespace pillion::base
